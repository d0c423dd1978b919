# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_TLS: TLS by OpenSSL, src/net/tls.cc; without it src/net/tls_none.cc.
AC_DEFUN([CUCACHE_TLS], [
  AC_ARG_ENABLE([tls],
    [AS_HELP_STRING([--enable-tls],
      [TLS, -Z and -o ssl_* @<:@if OpenSSL is there@:>@])],
    [], [enable_tls=auto])
  cucache_have_tls=no
  AS_IF([test "x$enable_tls" != xno],
    [PKG_CHECK_MODULES([OPENSSL], [openssl >= 3.0], [cucache_have_tls=yes],
      [AS_IF([test "x$enable_tls" = xyes],
        [AC_MSG_ERROR([--enable-tls needs OpenSSL: install libssl-dev])])])])
  AM_CONDITIONAL([HAVE_TLS], [test "x$cucache_have_tls" = xyes])
])
