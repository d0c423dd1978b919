# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_CRYPT: libcrypt (libxcrypt), for hashed passwords in the file of -Y.
AC_DEFUN([CUCACHE_CRYPT], [
  cucache_save_LIBS=$LIBS
  LIBS=
  AC_CHECK_HEADER([crypt.h], [],
    [AC_MSG_ERROR([crypt.h is missing: install libcrypt-dev (libxcrypt)])])
  AC_SEARCH_LIBS([crypt_checksalt], [crypt], [],
    [AC_MSG_ERROR([libcrypt is missing or too old: install libcrypt-dev (libxcrypt 4.3 or later)])])
  CRYPT_LIBS=$LIBS
  LIBS=$cucache_save_LIBS
  AC_SUBST([CRYPT_LIBS])
])
