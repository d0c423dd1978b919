# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_WARNINGS: -Wall -Wextra always; --enable-werror makes them errors.
AC_DEFUN([CUCACHE_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
  CUCACHE_CXXFLAGS="$CUCACHE_CXXFLAGS -Wall -Wextra"
  AS_IF([test "x$enable_werror" = xyes],
    [CUCACHE_CXXFLAGS="$CUCACHE_CXXFLAGS -Werror"])
])
