# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# CUCACHE_SYSTEMD: where the systemd units go. The default is below the prefix,
# so that an install without root and `make distcheck` stay inside of it, and
# systemd looks at /usr/lib and /usr/local/lib by itself.
AC_DEFUN([CUCACHE_SYSTEMD], [
  AC_ARG_WITH([systemdsystemunitdir],
    [AS_HELP_STRING([--with-systemdsystemunitdir=DIR],
      [directory of the systemd units @<:@PREFIX/lib/systemd/system@:>@, or no])],
    [], [with_systemdsystemunitdir='${prefix}/lib/systemd/system'])
  AS_IF([test "x$with_systemdsystemunitdir" = xno],
    [systemdsystemunitdir=],
    [systemdsystemunitdir=$with_systemdsystemunitdir])
  AC_SUBST([systemdsystemunitdir])
  AM_CONDITIONAL([INSTALL_SYSTEMD], [test -n "$systemdsystemunitdir"])
])
