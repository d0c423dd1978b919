#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# -h, -V, -i; and the man page names every option that the program knows.
. "${top_srcdir:-.}/t/lib.sh"

man=$top_srcdir/doc/cucached.1

is "-h ends well" "$(code "$CUCACHED" -h)" 0
cp "$tmp/out" "$tmp/help"
is "-V ends well" "$(code "$CUCACHED" -V)" 0
check "-V begins with three numbers" \
  grep -Eq '^cucached [0-9]+\.[0-9]+\.[0-9]+' "$tmp/out"
is "-i ends well" "$(code "$CUCACHED" -i)" 0
check "-i shows the licence" grep -q 'Redistribution and use' "$tmp/out"
is "an unknown option" "$(code "$CUCACHED" --no-such-option)" 1

# The words that begin the lines of -h: "-p, --port=<num>", "   - hashpower:".
long=$(sed -n 's/^\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' "$tmp/help")
short=$(sed -n 's/^-\([A-Za-z]\), --.*/\1/p' "$tmp/help")
words=$(sed -n 's/^   - \([a-z_]*\):.*/\1/p' "$tmp/help")
check "-h lists options" test "$(echo "$long" | wc -l)" -gt 25
check "-h lists words of -o" test "$(echo "$words" | wc -l)" -gt 20

# roff writes - as \-.
sed 's/\\-/-/g' "$man" >"$tmp/man"
for option in $long; do
  check "man page: --$option" grep -q -- "--$option\b" "$tmp/man"
done
for option in $short; do
  check "man page: -$option" grep -Eq -- "^\.B.* -$option\b" "$tmp/man"
done
for word in $words; do
  check "man page: -o $word" grep -Eq -- "^\.B[RI]? $word\b" "$tmp/man"
done
if command -v groff >/dev/null 2>&1; then
  groff -man -Tascii -ww "$man" >/dev/null 2>"$tmp/err"
  is "the man page has no mistakes" "$(cat "$tmp/err")" ""
fi
finish
