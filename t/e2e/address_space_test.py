#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Where address space is limited (ulimit -v), the server starts and serves,
with however many threads: what it reserves leaves room for their stacks."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

DAEMON = os.environ.get("CUCACHED", "./cucached")
LOWEST = 200000  # kilobytes

passed = failed = 0


def check(what, good):
  global passed, failed
  if good:
    passed += 1
  else:
    failed += 1
    print("not ok -", what, flush=True)


def serve(client, count):
  """Some values in and out again."""
  file = client.makefile("rb")
  value = b"v" * 5000
  for i in range(count):
    client.sendall(b"set k%d 0 0 %d\r\n%s\r\nget k%d\r\n" %
                   (i, len(value), value, i))
    lines = [file.readline() for _ in range(4)]
    if lines[0] != b"STORED\r\n" or lines[2] != value + b"\r\n":
      return False
  return True


def start(folder, kilobytes, *options):
  """What is wrong, or an empty text."""
  ports = os.path.join(folder, "ports")
  if os.path.exists(ports):
    os.unlink(ports)
  command = [DAEMON, "-p", "-1", "-l", "127.0.0.1", *options]
  if os.getuid() == 0:
    command += ["-u", "root"]
  process = subprocess.Popen(
      command, stderr=subprocess.PIPE, text=True,
      env=dict(os.environ, MEMCACHED_PORT_FILENAME=ports),
      preexec_fn=lambda: resource.setrlimit(
          resource.RLIMIT_AS, (kilobytes * 1024, kilobytes * 1024)))
  try:
    while process.poll() is None and not os.path.exists(ports):
      time.sleep(0.005)
    if process.poll() is None:
      with open(ports) as file:
        port = int(file.read().split("TCP INET: ")[1].split()[0])
      clients = [socket.create_connection(("127.0.0.1", port), 60)
                 for _ in range(40)]
      if not all(serve(client, 5) for client in clients):
        return "wrong replies"
      process.terminate()
    _, errors = process.communicate(timeout=60)
    return "" if process.returncode == 0 else errors or str(process.returncode)
  except (OSError, IndexError, subprocess.TimeoutExpired) as failure:
    process.kill()
    return f"{failure}: {process.communicate()[1]}"


def main():
  with tempfile.TemporaryDirectory() as folder:
    if start(folder, 4000000, "-t", "1"):
      print("# this build needs more address space than is allowed here")
      return 77
    # Odd steps: what fits or not changes at powers of two.
    limits = list(range(LOWEST, 1000000, 37111)) + [450000, 600000, 1300000,
                                                    2000000]
    for threads in ("1", "4", "16"):
      for limit in limits:
        wrong = start(folder, limit, "-t", threads)
        check(f"ulimit -v {limit}, -t {threads}: {wrong}", not wrong)
    for limit in (LOWEST, 3 * LOWEST, 10 * LOWEST):
      wrong = start(folder, limit, "-t", "4", "-m", "1024")
      check(f"ulimit -v {limit}, -m 1024: {wrong}", not wrong)
  print(f"{passed} passed, {failed} failed")
  return failed != 0


if __name__ == "__main__":
  sys.exit(main())
