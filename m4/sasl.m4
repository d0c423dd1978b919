# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_SASL: -S by Cyrus SASL, src/net/sasl.cc; without src/net/sasl_none.cc.
AC_DEFUN([CUCACHE_SASL], [
  AC_ARG_ENABLE([sasl],
    [AS_HELP_STRING([--enable-sasl],
      [SASL for the binary protocol, -S @<:@if Cyrus SASL is there@:>@])],
    [], [enable_sasl=auto])
  dnl memcached's word for what is always there: MEMCACHED_SASL_PWDB.
  AC_ARG_ENABLE([sasl-pwdb],
    [AS_HELP_STRING([--enable-sasl-pwdb],
      [the same as --enable-sasl; a file of users is always possible])],
    [AS_IF([test "x$enableval" = xyes], [enable_sasl=yes])])
  cucache_have_sasl=no
  AS_IF([test "x$enable_sasl" != xno],
    [PKG_CHECK_MODULES([SASL], [libsasl2 >= 2.1.20], [cucache_have_sasl=yes],
      [AS_IF([test "x$enable_sasl" = xyes],
        [AC_MSG_ERROR([--enable-sasl needs Cyrus SASL: install libsasl2-dev])])])])
  AM_CONDITIONAL([HAVE_SASL], [test "x$cucache_have_sasl" = xyes])
])
