# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_WRITE_TRACE: can t/unit/write_trace.cc step through single stores?
AC_DEFUN([CUCACHE_WRITE_TRACE], [
  AC_MSG_CHECKING([whether stores can be traced])
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
    #if !defined(__x86_64__) || !defined(__linux__)
    #error
    #endif
    ]])], [cucache_write_trace=yes], [cucache_write_trace=no])
  # Sanitizers want these signals for themselves.
  AS_IF([test -n "$cucache_sanitizers"], [cucache_write_trace=no])
  AC_MSG_RESULT([$cucache_write_trace])
  AM_CONDITIONAL([HAVE_WRITE_TRACE], [test $cucache_write_trace = yes])
])
