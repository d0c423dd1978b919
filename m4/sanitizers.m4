# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_SANITIZERS: --enable-asan, --enable-ubsan (together if wanted) and
# --enable-tsan (alone, the compiler cannot mix it with asan). Each is checked
# by a link, so that a missing runtime shows here and not at the first make.
AC_DEFUN([CUCACHE_SANITIZERS], [
  AC_ARG_ENABLE([asan],
    [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer])],
    [], [enable_asan=no])
  AC_ARG_ENABLE([ubsan],
    [AS_HELP_STRING([--enable-ubsan],
      [build with UndefinedBehaviorSanitizer])],
    [], [enable_ubsan=no])
  AC_ARG_ENABLE([tsan],
    [AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])],
    [], [enable_tsan=no])
  AS_IF([test "x$enable_tsan" = xyes && test "x$enable_asan" = xyes],
    [AC_MSG_ERROR([--enable-tsan and --enable-asan exclude each other])])
  cucache_sanitizers=
  AS_IF([test "x$enable_asan" = xyes], [cucache_sanitizers=address])
  AS_IF([test "x$enable_tsan" = xyes], [cucache_sanitizers=thread])
  AS_IF([test "x$enable_ubsan" = xyes],
    [cucache_sanitizers="${cucache_sanitizers:+$cucache_sanitizers,}undefined"])
  AS_IF([test -n "$cucache_sanitizers"], [
    cucache_san_flags="-fsanitize=$cucache_sanitizers -fno-omit-frame-pointer"
    AS_IF([test "x$enable_ubsan" = xyes],
      [cucache_san_flags="$cucache_san_flags -fno-sanitize-recover=undefined"])
    AC_MSG_CHECKING([whether $CXX links with $cucache_san_flags])
    cucache_save_CXXFLAGS=$CXXFLAGS
    CXXFLAGS="$CXXFLAGS $cucache_san_flags"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[return 0;]])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       AC_MSG_ERROR([the runtime of -fsanitize=$cucache_sanitizers is missing])])
    # g++ warns that ThreadSanitizer does not see fences; where one is needed,
    # t/tsan.supp says what follows.
    AS_IF([test "x$enable_tsan" = xyes], [
      CXXFLAGS="$cucache_save_CXXFLAGS -Werror -Wno-tsan"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[return 0;]])],
        [cucache_san_flags="$cucache_san_flags -Wno-tsan"])
    ])
    CXXFLAGS=$cucache_save_CXXFLAGS
    CUCACHE_CXXFLAGS="$CUCACHE_CXXFLAGS $cucache_san_flags"
    CUCACHE_LDFLAGS="$CUCACHE_LDFLAGS $cucache_san_flags"
  ])
  AM_CONDITIONAL([SANITIZED], [test -n "$cucache_sanitizers"])
])
