# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_CXX20: adds -std=c++20 to AM_CXXFLAGS, and checks that the standard
# library is recent enough for what the sources use.
AC_DEFUN([CUCACHE_CXX20], [
  AC_MSG_CHECKING([whether $CXX compiles C++20])
  cucache_save_CXXFLAGS=$CXXFLAGS
  CXXFLAGS="$CXXFLAGS -std=c++20"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
    #include <atomic>
    #include <bit>
    #include <concepts>
    #include <span>
  ]], [[
    int a@<:@@:>@ = {1, 2};
    std::span<int> s(a);
    return std::popcount(static_cast<unsigned>(s.size())) - 1;
  ]])],
  [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([a C++20 compiler is needed: g++ 12 or clang++ 14, or newer])])
  CXXFLAGS=$cucache_save_CXXFLAGS
  CUCACHE_CXXFLAGS="-std=c++20"
  AC_SUBST([CUCACHE_CXXFLAGS])
])
