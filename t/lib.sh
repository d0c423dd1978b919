# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# For shell tests: counted checks, a directory that goes away, and the daemon
# in $CUCACHED. A test calls `finish` last. POSIX sh.

passed=0
failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/cucached-test.XXXXXX") || exit 99
: "${CUCACHED:=./cucached}"
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
trap 'cleanup; rm -rf "$tmp"' EXIT
trap 'exit 99' INT TERM

# A test that starts processes replaces this.
cleanup() { :; }

# check "what" command...: the command succeeds.
check() {
  what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok - $what"
  else
    failed=$((failed + 1))
    echo "not ok - $what"
  fi
}

# is "what" "got" "expected"
is() {
  check "$1" test "x$2" = "x$3"
  [ "x$2" = "x$3" ] || printf '#   got: %s\n#   expected: %s\n' "$2" "$3"
}

# await command...: waits up to a minute for it to succeed.
await() {
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || return 1
    sleep 0.1
  done
}

# code command...: runs it, output to $tmp/out and $tmp/err, prints its code;
# 124 if it does not end.
code() {
  timeout 60 "$@" >"$tmp/out" 2>"$tmp/err" && echo 0 || echo $?
}

# answers port: a server says its version there.
answers() {
  python3 - "$1" <<'PY'
import socket, sys
try:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)
    s.settimeout(60)
    s.sendall(b"version\r\n")
    sys.exit(0 if s.recv(100).startswith(b"VERSION ") else 1)
except OSError:
    sys.exit(1)
PY
}

silent() { ! answers "$1"; }

# alive pid / dead pid. A zombie is dead: nobody may be there to reap it.
alive() {
  kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status"
}
dead() { ! alive "$1"; }

# A free port of the loopback address, which no client is given meanwhile.
free_port() {
  python3 -B -c 'import sys
sys.path.insert(0, sys.argv[1])
import blackbox
print(blackbox.free_port())' "$top_srcdir/t/conformance"
}

# The user to drop to: only root can, and must name one.
as_user() { [ "$(id -u)" != 0 ] || echo "-u root"; }

skip() {
  echo "skipped: $1"
  exit 77
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}
