# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_INIT: where the LSB init script goes.
AC_DEFUN([CUCACHE_INIT], [
  AC_ARG_WITH([initdir],
    [AS_HELP_STRING([--with-initdir=DIR],
      [directory of the init script @<:@SYSCONFDIR/init.d@:>@, or no])],
    [], [with_initdir='${sysconfdir}/init.d'])
  AS_IF([test "x$with_initdir" = xno], [initdir=], [initdir=$with_initdir])
  AC_SUBST([initdir])
  AM_CONDITIONAL([INSTALL_INIT], [test -n "$initdir"])
])
