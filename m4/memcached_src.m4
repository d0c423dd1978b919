# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_MEMCACHED_SRC: a tree of memcached that was built, whose modules
# `make bench` measures ours against. Nothing of it becomes part of cucached.
AC_DEFUN([CUCACHE_MEMCACHED_SRC], [
  AC_ARG_WITH([memcached-src],
    [AS_HELP_STRING([--with-memcached-src=DIR],
      [for make bench: a tree of memcached, configured and built (see
       scripts/build-memcached)])],
    [], [with_memcached_src=no])
  MEMCACHED_SRC=
  AS_IF([test "x$with_memcached_src" != xno], [
    MEMCACHED_SRC=`cd "$with_memcached_src" 2>/dev/null && pwd`
    AS_IF([test ! -f "$MEMCACHED_SRC/memcached-items.o"],
      [AC_MSG_ERROR([$with_memcached_src holds no memcached that was built:
run ./configure and make there, or scripts/build-memcached DIR])])
  ])
  AC_SUBST([MEMCACHED_SRC])
  AM_CONDITIONAL([HAVE_MEMCACHED_SRC], [test -n "$MEMCACHED_SRC"])
])
