#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
#
# Does the compiled table still prefetch? A compiler may take a function whose
# only effect is a prefetch for one without effect and drop its calls (g++ 12
# does), and no other test would notice.
#
#   assoc_prefetch_test.sh OBJECT...
# Without arguments: the objects of the build in $top_builddir.
# The objects are those of assoc_find, assoc_path, assoc_grow and assoc, built
# with optimisation, each of which has to prefetch. Exit code 77 (skipped) where
# there is no objdump, or no object was named.

if [ $# -eq 0 ] && [ -n "$top_builddir" ]; then
  at=$top_builddir/src/cache
  set -- "$at/assoc.o" "$at/assoc_find.o" "$at/assoc_grow.o" "$at/assoc_path.o"
  # A build for a sanitizer says nothing about the one that ships.
  nm "$@" 2>/dev/null | grep -Eq '__[at]san_' && exit 77
fi
[ $# -gt 0 ] || exit 77
command -v objdump >/dev/null 2>&1 || exit 77

bad=0
for object in "$@"; do
  if [ ! -r "$object" ]; then
    echo "$object: not there" >&2
    exit 1
  fi
  case $object in
    # First bucket, second bucket, stripe, item from either of the two.
    *assoc_find*) want=5 ;;
    # Bucket of a node.
    *assoc_path*) want=1 ;;
    # Twin's bucket, first and second line of an item.
    *assoc_grow*) want=3 ;;
    # Second bucket, two stripes, item.
    *) want=4 ;;
  esac
  have=$(objdump -d "$object" | grep -cE '	(prefetch|prfm|dcbt)')
  echo "$object: $have prefetches, at least $want wanted"
  [ "$have" -ge "$want" ] || bad=1
done
exit $bad
