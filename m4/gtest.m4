# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_GTEST: GoogleTest and GoogleMock, which only `make check` needs.
AC_DEFUN([CUCACHE_GTEST], [
  PKG_CHECK_MODULES([GTEST], [gtest_main >= 1.12 gmock >= 1.12],
    [cucache_have_gtest=yes], [cucache_have_gtest=no])
  AM_CONDITIONAL([HAVE_GTEST], [test "x$cucache_have_gtest" = xyes])
])
