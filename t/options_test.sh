#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# -h, -V, -i; and the man page names every option that the program knows, with
# the same default.
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
# What both say of an option: its default, and whether it does anything, as
# "--name no effect (default: 1)".
summary='function put() {
    gsub(/ +/, " ", text)
    said = name
    if (text ~ /accepted, has no effect here/) said = said " no effect"
    if (match(text, /\(default: [^)]*\)/))
      said = said " " substr(text, RSTART, RLENGTH)
    if (name != "") print said
    name = text = ""
  }
  function find(head) {
    if (match(head, /--[a-z-]+/)) return substr(head, RSTART, RLENGTH)
    if (match(head, /[a-z_]+/)) return substr(head, RSTART, RLENGTH)
  }'
awk "$summary"' /^(-|   - )/ { put(); name = find(substr($0, 1, 40)) }
  { text = text " " $0 }
  END { put() }' "$tmp/help" | sort >"$tmp/said-help"
awk "$summary"' /^\.(TP|S[HS])/ { put(); tag = /TP/; next }
  tag { sub(/^\.B[RI]* */, ""); name = find($0); tag = 0; next }
  { text = text " " $0 }
  END { put() }' "$tmp/man" | sort >"$tmp/said-man"
is "-h says what the man page says of defaults and effects" \
  "$(comm -23 "$tmp/said-help" "$tmp/said-man")" ""
check "-h has defaults" \
  test "$(grep -c 'default: ' "$tmp/said-help")" -gt 25

if command -v groff >/dev/null 2>&1; then
  groff -man -Tascii -ww "$man" >/dev/null 2>"$tmp/err"
  is "the man page has no mistakes" "$(cat "$tmp/err")" ""
fi
finish
