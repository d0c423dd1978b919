# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_THREADS: the flag that compiles and links POSIX threads.
AC_DEFUN([CUCACHE_THREADS], [
  CUCACHE_CXXFLAGS="$CUCACHE_CXXFLAGS -pthread"
  CUCACHE_LDFLAGS="$CUCACHE_LDFLAGS -pthread"
  AC_SUBST([CUCACHE_LDFLAGS])
])
