#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# The wrapper, the init script and the units, with all paths below a temporary
# directory.
. "${top_srcdir:-.}/t/lib.sh"

CUCACHED_CONF_DIR=$tmp/etc
CUCACHED_RUN_DIR=$tmp/run
CUCACHED_START=$top_builddir/scripts/start-cucached
export CUCACHED CUCACHED_CONF_DIR CUCACHED_RUN_DIR CUCACHED_START
init=$top_builddir/scripts/init/cucached
[ -x "$init" ] || skip "the init script was not built"
mkdir "$tmp/etc"
chmod 755 "$tmp"

cleanup() { "$init" stop >/dev/null 2>&1; }
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un)
port=$(free_port)
pid() { cat "$tmp/run/$1.pid"; }
service() { code sh "$init" "$@"; }
says() { grep -q "$1" "$tmp/out" "$tmp/err"; }

# conf name port [line...]
conf() {
  {
    echo "# a comment"
    echo "-d    # decided by the caller"
    echo "  -p $2"
    echo "-l 127.0.0.1"
    echo "-u $user"
    shift 2
    for line in "$@"; do echo "$line"; done
  } >"$tmp/etc/$conf_name.conf"
}

# -- one server
conf_name=cucached
conf - "$port" "-m 32" "-o 'no_modern',idle_timeout=100"
is "status before the start" "$(service status)" 3
is "start" "$(service start)" 0
check "it answers" answers "$port"
first=$(pid cucached)
is "its user" "$(ps -o user= -p "$first" | tr -d ' ')" "$user"
check "its options" grep -qa -- "-m.32.*no_modern,idle" "/proc/$first/cmdline"
is "status" "$(service status)" 0
check "status names the pid" says "pid $first"
is "a second start is no mistake" "$(service start)" 0
is "and changes nothing" "$(pid cucached)" "$first"
is "restart" "$(service restart)" 0
check "another process serves" test "$(pid cucached)" != "$first"
check "and answers" answers "$port"
is "force-reload" "$(service force-reload)" 0
is "stop" "$(service stop)" 0
check "nobody answers" silent "$port"
check "no pid file is left" test ! -e "$tmp/run/cucached.pid"
is "a second stop is no mistake" "$(service stop)" 0
is "an unknown action" "$(service dance)" 2

# -- a pid file whose process is another one
echo $$ >"$tmp/run/cucached.pid"
is "status of a stale pid file" "$(service status)" 1
is "stop leaves a stranger alone" "$(service stop)" 0
check "(this test still runs)" alive $$

# -- mistakes in the file
conf - "$port" "-o nonsense"
is "a wrong option" "$(service start)" 1
check "is reported" says nonsense
conf - "$port" "nonsense 5"
is "a line that is no option" "$(service start)" 1
check "is reported" says "no option: nonsense 5"
conf - "$port" "-o 'open"
is "a quote that is not closed" "$(service start)" 1
rm "$tmp/etc/cucached.conf"
is "no file" "$(service start)" 1

# -- a log file
touch "$tmp/log"
chmod 666 "$tmp/log"
conf - "$port" "logfile $tmp/log" "-vv"
is "start with a log file" "$(service start)" 0
check "answers" answers "$port"
check "the log file is written" await test -s "$tmp/log"
is "stop" "$(service stop)" 0
rm "$tmp/etc/cucached.conf"

# -- several servers
other=$(free_port)
conf_name=cucached_a
conf - "$port"
conf_name=cucached_b
conf - "$other"
is "start of all" "$(service start)" 0
check "one answers" answers "$port"
check "the other answers" answers "$other"
is "stop of one" "$(service stop a)" 0
check "it is gone" silent "$port"
check "the other is not" answers "$other"
is "status of all tells" "$(service status)" 3
is "status of the other" "$(service status b)" 0
is "no such server" "$(service start c)" 1
is "stop of all" "$(service stop)" 0

# -- the wrapper in the foreground
"$CUCACHED_START" --foreground "$tmp/etc/cucached_a.conf" -p "$other" \
  2>"$tmp/err" &
child=$!
check "in the foreground, with another port" await answers "$other"
kill "$child"
wait "$child"
is "it is the server itself" "$?" 0
is "the wrapper without arguments" "$(code "$CUCACHED_START")" 64

# -- the units
if command -v systemd-analyze >/dev/null 2>&1; then
  for unit in cucached.service cucached@11212.service; do
    source=$(echo "$unit" | sed 's/@.*[.]/@./')
    # What it names need not be installed yet.
    sed "s|^ExecStart=[^ ]*|ExecStart=/bin/sh|" \
      "$top_builddir/scripts/init/$source" >"$tmp/$unit"
    systemd-analyze verify --man=no "$tmp/$unit" >"$tmp/out" 2>&1
    grep -F "$unit" "$tmp/out" >"$tmp/complaints"
    is "systemd takes $unit" "$(cat "$tmp/complaints")" ""
  done
fi
finish
