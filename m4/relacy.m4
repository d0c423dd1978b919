# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_RELACY: the Relacy race detector (a header library), which only the
# models in t/model need.
AC_DEFUN([CUCACHE_RELACY], [
  AC_CHECK_FILE([/usr/include/relacy/relacy.hpp],
    [cucache_have_relacy=yes], [cucache_have_relacy=no])
  # Relacy allocates in ways of its own, which sanitizers take for faults.
  AM_CONDITIONAL([HAVE_RELACY],
    [test "x$cucache_have_relacy" = xyes && test -z "$cucache_sanitizers"])
])
