# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_BENCHMARK: Google Benchmark, which only `make bench` needs.
AC_DEFUN([CUCACHE_BENCHMARK], [
  PKG_CHECK_MODULES([BENCHMARK], [benchmark >= 1.7],
    [cucache_have_benchmark=yes], [cucache_have_benchmark=no])
  AM_CONDITIONAL([HAVE_BENCHMARK], [test "x$cucache_have_benchmark" = xyes])
])
