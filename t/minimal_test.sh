#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# The daemon as configure makes it with --disable-tls and --disable-sasl.
CUCACHED=$top_builddir/t/minimal-cucached
. "${top_srcdir:-.}/t/lib.sh"

server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null; }

is "-h ends well" "$(code "$CUCACHED" -h)" 0
check "-h lists no TLS" sh -c "! grep -q enable-ssl '$tmp/out'"
check "nor SASL" sh -c "! grep -q -- 'enable-sasl' '$tmp/out'"
check "no OpenSSL is linked" sh -c "! ldd '$CUCACHED' | grep -q libssl"
check "no Cyrus SASL is linked" sh -c "! ldd '$CUCACHED' | grep -q libsasl"

is "-Z is refused" "$(code "$CUCACHED" -u root -Z -o ssl_chain_cert=x)" 64
check "in one line that says why" grep -q TLS "$tmp/err"
is "-S is refused" "$(code "$CUCACHED" -u root -S)" 64
check "and says why" grep -q "not built with SASL" "$tmp/err"

MEMCACHED_PORT_FILENAME=$tmp/ports "$CUCACHED" -u root -p -1 -l 127.0.0.1 \
  >"$tmp/log" 2>&1 &
server=$!
check "it listens" await test -s "$tmp/ports"
port=$(sed -n 's/TCP INET: //p' "$tmp/ports")
is "it answers" "$(python3 -c "
import socket
s = socket.create_connection(('127.0.0.1', $port), 60)
s.sendall(b'set a 0 0 1\r\nx\r\nrefresh_certs\r\nquit\r\n')
print(s.makefile().read().split())")" "['STORED', 'ERROR']"
kill "$server"
wait "$server"
is "a clean end" "$?" 0
server=
finish
