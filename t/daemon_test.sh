#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# The daemon as a process: start, exit codes, pid file, user, limits, signals.
. "${top_srcdir:-.}/t/lib.sh"

pids=
cleanup() { for p in $pids; do kill -9 "$p" 2>/dev/null; done; }
user=$(as_user)
port=$(free_port)
pid_file=$tmp/pid

# start args...: in the foreground, in the background of this script.
start() {
  "$CUCACHED" $user -p "$port" "$@" >"$tmp/out" 2>"$tmp/err" &
  pid=$!
  pids="$pids $pid"
  await answers "$port"
}

# stop [signal]: sends it to what was started, and keeps the exit code.
stop() {
  kill "-${1:-TERM}" "$pid"
  wait "$pid"
  ended=$?
}

has_warning() { grep -q "$1" "$tmp/err"; }

# -- signals
for signal in TERM INT; do
  check "starts, for SIG$signal" start
  stop "$signal"
  is "exit code after SIG$signal" "$ended" 0
  is "nothing is said at a normal end" "$(cat "$tmp/err")" ""
done
check "starts with -v" start -v
kill -HUP "$pid"
kill -PIPE "$pid"
sleep 0.3
check "SIGHUP and SIGPIPE do not end it" answers "$port"
stop USR1
is "exit code after SIGUSR1" "$ended" 0
check "-v says how it ended" has_warning "Exiting normally"

# -- exit codes
check "starts, to occupy a port" start
is "a port that is taken" "$(code "$CUCACHED" $user -p "$port")" 71
is "one line about it" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
is "a port that is taken, with -d" "$(code "$CUCACHED" -d $user -p "$port")" 71
check "the caller of -d is told" test -s "$tmp/err"
stop
# Where no server of names answers that takes its time.
is "no such host" "$(code env RES_OPTIONS="timeout:1 attempts:1" "$CUCACHED" \
  $user -p "$port" -l no.such.invalid)" 71
if [ "$(id -u)" = 0 ]; then
  is "root without -u" "$(code "$CUCACHED" -p "$port")" 64
  is "no such user" "$(code "$CUCACHED" -p "$port" -u no_such_user)" 67
fi

# -- files and limits
is "too few files for -c" \
  "$(ulimit -n 100; code setpriv --bounding-set -sys_resource \
     --inh-caps -sys_resource "$CUCACHED" $user -p "$port" -c 100000)" 71
limit_of() { awk '/Max open files/ {print $4}' "/proc/$1/limits"; }
ulimit_start() { (ulimit -S -n 256; start -c 1024; echo "$pid" >"$tmp/p"); }
check "starts with a low soft limit" ulimit_start
pid=$(cat "$tmp/p")
pids="$pids $pid"
check "and has raised it for -c" test "$(limit_of "$pid")" -ge 1024
kill "$pid"
await dead "$pid"

# -- no room for threads
# root has no such limit; who it drops to has.
if [ "$(id -u)" = 0 ]; then nobody="-u nobody" counts="1 2 3 4 5"
else nobody="" counts=1; fi
# The sanitizer's search for leaks starts a process.
no_threads() {
  ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 code prlimit --nproc="$1" \
    "$CUCACHED" $nobody -p "$port" -t 2
}
for count in $counts; do
  is "room for $count threads" "$(no_threads "$count")" 1
  check "which it says" has_warning "Can't create thread"
  is "in one line" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
done

# -- little address space
space="prlimit --as=800000000"
if $space "$CUCACHED" -V >/dev/null 2>&1; then  # sanitizers need more
  $space "$CUCACHED" $user -p "$port" -t 2 2>"$tmp/err" &
  pid=$!
  pids="$pids $pid"
  check "starts with little address space" await answers "$port"
  stop
fi

# -- the pid file
echo 1 >"$pid_file"
check "starts with -P" start -P "$pid_file"
await grep -qx "$pid" "$pid_file"
is "the pid file" "$(cat "$pid_file")" "$pid"
check "a warning names the live process of the old file" has_warning "process 1"
stop
check "without -d the pid file stays" test -f "$pid_file"
rm "$pid_file"

# The pipe of $() would stay open if the daemon kept its stderr.
is "-d returns" "$("$CUCACHED" $user -d -p "$port" -P "$pid_file" 2>&1
  echo $?)" 0
check "and then it answers at once" answers "$port"
check "and its pid is written" test -s "$pid_file"
pid=$(cat "$pid_file")
pids="$pids $pid"
is "it stands in /" "$(readlink "/proc/$pid/cwd")" /
is "its stderr goes nowhere" "$(readlink "/proc/$pid/fd/2")" /dev/null
is "it leads a session" "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
is "its stdout as well" "$(readlink "/proc/$pid/fd/1")" /dev/null
kill "$pid"
check "it stops" await dead "$pid"
check "under -d the pid file goes" test ! -e "$pid_file"

# -- another user
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$tmp"
  mkdir -m 777 "$tmp/run"
  is "-d -u nobody" "$(code "$CUCACHED" -d -u nobody -p "$port" \
    -P "$tmp/run/pid")" 0
  pid=$(cat "$tmp/run/pid")
  pids="$pids $pid"
  is "runs as nobody" "$(ps -o user= -p "$pid" | tr -d ' ')" nobody
  is "has no other groups" \
    "$(awk '/^Groups:/ {print NF}' "/proc/$pid/status")" 1
  kill "$pid"
  await dead "$pid"
fi

# -- a unix socket
"$CUCACHED" $user -s "$tmp/socket" -a 0770 2>"$tmp/err" &
pid=$!
pids="$pids $pid"
check "a unix socket appears" await test -S "$tmp/socket"
is "with the mode of -a" "$(stat -c %a "$tmp/socket")" 770
stop
is "and the server ends well" "$ended" 0

# -- a service manager that waits until it serves
# notified name command...: runs it with NOTIFY_SOCKET=name until the first
# message or its end; prints the message, fails if the port does not answer then,
# ends it, and prints the rest.
notified() {
  timeout 60 python3 -B - "$port" "$@" <<'PY'
import os, socket, subprocess, sys
port, name, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(name.replace("@", "\0"))
server = subprocess.Popen(command, env=dict(os.environ, NOTIFY_SOCKET=name))
told.settimeout(0.1)
message = None
while message is None and server.poll() is None:
    try:
        message = told.recv(1000)
    except socket.timeout:
        pass
if message is None:
    print("nothing,", server.returncode)
    sys.exit()
socket.create_connection(("127.0.0.1", port), 5)
server.terminate()
status = server.wait()
last = told.recv(1000, socket.MSG_DONTWAIT)
print(message.decode() + ",", last.decode() + ",", status)
PY
}
is "it says that it serves, and that it ends" \
  "$(notified "$tmp/notify" "$CUCACHED" $user -p "$port")" "READY=1, STOPPING=1, 0"
# Looking for leaks at the end takes calls that are not allowed then.
is "also where it may open no sockets then" \
  "$(ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" \
     notified "@$tmp/notify" "$CUCACHED" $user -p "$port" \
     -o drop_privileges)" "READY=1, STOPPING=1, 0"
is "and not if it does not" \
  "$(notified "$tmp/none" "$CUCACHED" $user -p "$port" -t 0 2>/dev/null)" \
  "nothing, 1"

# -- other options of the process
check "starts with -k -r" start -k -r
is "core files are allowed" \
  "$(awk '/Max core/ {print ($5 != 0)}' "/proc/$pid/limits")" 1
stop
finish
