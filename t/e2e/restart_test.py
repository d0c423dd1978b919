#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Warm restarts of the daemon as a process: every way to end it, other options
at the next start, files that are refused, and kill -9 at many moments of a
save and of a load.  After a kill the next server has everything as it was when
the last one was told to end, or nothing; never anything older."""

import atexit
import os
import random
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

DAEMON = os.path.abspath(os.environ.get("CUCACHED", "./cucached"))
USER = ["-u", "root"] if os.getuid() == 0 else []
KEYS = 12000
ROUNDS = 14

passed = failed = 0


def check(what, got, expected):
  global passed, failed
  if got == expected:
    passed += 1
    print("ok -", what)
  else:
    failed += 1
    print("not ok -", what, "\n#   got:", got, "\n#   expected:", expected)
  sys.stdout.flush()


class Server:
  """One run of the daemon; stderr goes to a file."""

  def __init__(self, folder, *options, user=USER, **popen):
    self.errors = os.path.join(folder, "errors")
    self.ports = os.path.join(folder, "ports")
    if os.path.exists(self.ports):
      os.unlink(self.ports)
    command = [DAEMON, "-p", "-1", "-l", "127.0.0.1", "-U", "0", *user,
               *options]
    with open(self.errors, "w") as errors:
      self.process = subprocess.Popen(
          command, stderr=errors,
          env=dict(os.environ, MEMCACHED_PORT_FILENAME=self.ports), **popen)
    atexit.register(self.process.kill)

  def client(self):
    for _ in range(1200):
      try:
        with open(self.ports) as file:
          return Client(int(file.read().split("TCP INET: ")[1].split()[0]))
      except (OSError, IndexError):
        time.sleep(0.05)
    raise RuntimeError("the server does not listen: " + self.log())

  def log(self):
    with open(self.errors) as file:
      return file.read()

  def end(self, how=signal.SIGTERM):
    self.process.send_signal(how)
    return self.process.wait(60)


class Client:

  def __init__(self, port):
    self.socket = socket.create_connection(("127.0.0.1", port), 60)
    self.file = self.socket.makefile("rb")

  def ask(self, text, lines=1):
    self.socket.sendall(text.encode())
    got = [self.file.readline().decode().rstrip("\r\n") for _ in range(lines)]
    return got[0] if lines == 1 else got

  def stats(self, which=""):
    self.socket.sendall(f"stats{which}\r\n".encode())
    rows = {}
    while (line := self.file.readline().decode().split())[0] != "END":
      rows[line[1]] = line[2] if len(line) > 2 else ""
    return rows

  def store_all(self, version):
    out = bytearray()
    for i in range(KEYS):
      value = value_of(i, version)
      out += b"set key%d %d 0 %d noreply\r\n%s\r\n" % (i, i, len(value), value)
    self.socket.sendall(out)
    return self.ask("mn\r\n")

  def versions(self):
    """Which versions there are of the keys; None for those that are gone."""
    found = set()
    for start in range(0, KEYS, 100):
      keys = range(start, min(start + 100, KEYS))
      line = "get " + " ".join(f"key{i}" for i in keys) + "\r\n"
      self.socket.sendall(line.encode())
      hits = 0
      while (head := self.file.readline().split())[0] != b"END":
        i = int(head[1][3:])
        value = self.file.read(int(head[3]) + 2)[:-2]
        version = int(value.split(b":")[1])
        good = value == value_of(i, version) and int(head[2]) == i
        found.add(version if good else "damaged")
        hits += 1
      if hits != len(keys):
        found.add(None)
    return found


def value_of(i, version):
  unit = b"%d:%d:" % (i, version)
  return (unit * (400 // len(unit) + 1))[:200 + i * 7 % 200]


def refuses(what, code, words, *options):
  result = subprocess.run([DAEMON, "-p", "-1", "-l", "127.0.0.1", *USER,
                           *options], capture_output=True, text=True,
                          timeout=60, check=False)
  check(what, (result.returncode, words in result.stderr,
               result.stderr.count("\n")), (code, True, 1))


def test_ways_to_end(folder):
  """Each begins with other options than the one before."""
  path = os.path.join(folder, "file")
  ways = [
      ("SIGTERM", lambda s, c: s.end(), ["-t", "1"]),
      ("SIGUSR1", lambda s, c: s.end(signal.SIGUSR1), ["-m", "200", "-t", "3"]),
      ("SIGINT", lambda s, c: s.end(signal.SIGINT), ["-o", "page_size=256"]),
      ("shutdown", lambda s, c: (c.ask("shutdown\r\n"), s.process.wait(60))[1],
       ["-I", "2m"]),
      ("shutdown graceful",
       lambda s, c: (c.ask("shutdown graceful\r\n"), s.process.wait(60))[1],
       ["-m", "32"]),
  ]
  server = Server(folder, "-e", path, "-A")
  client = server.client()
  check("stats settings", client.stats(" settings")["memory_file"], path)
  check("the file that says who runs", os.path.getsize(path + ".new"), 0)
  client.store_all(0)
  large = "x" * 900000
  client.ask(f"set large 77 1000 {len(large)}\r\n{large}\r\n")
  client.ask("ms YmluAA== 3 b T500 F9\r\nabc\r\n")
  client.ask("set short 0 1 1\r\nv\r\n")
  client.ask("set gone 0 0 1\r\nv\r\ndelete gone\r\n", 2)
  client.ask("set read 0 0 4\r\nread\r\n")
  client.ask("mg read v\r\n", 2)
  cas = client.ask("mg large c\r\n")
  time.sleep(1.1)
  for name, end, options in ways:
    check(f"exit code after {name}", end(server, client), 0)
    check(f"its mode after {name}", stat.S_IMODE(os.stat(path).st_mode), 0o600)
    server = Server(folder, "-e", path, "-A", "-v", *options)
    client = server.client()
    check(f"all is there after {name}", client.versions(), {0})
    check("in FILE it is not any more", os.path.exists(path), False)
    check("the CAS id", client.ask("mg large c\r\n"), cas)
    flags, ttl = client.ask("mg large f t\r\n").split()[1:]
    check("flags and TTL", (flags, 900 < int(ttl[1:]) < 1000), ("f77", True))
    check("a large value", client.ask("get large\r\n", 3)[1] == large, True)
    ttl = client.ask("mg YmluAA== b t\r\n").split()[1]
    check("a binary key", 400 < int(ttl[1:]) <= 499, True)
    check("what expired is gone", client.ask("mg short\r\n"), "EN")
    check("what was deleted is gone", client.ask("mg gone\r\n"), "EN")
    check("what was read", client.ask("mg read h\r\n"), "HD h1")
    rows = client.stats(" cucache")
    check("counted", int(rows["restart_items"]), KEYS + 3)
    check("and said", "loaded" in server.log(), True)
  check("new CAS ids are greater", int(client.ask(
      "ms new 1 c\r\nv\r\n").split("c")[1]) > int(cas.split("c")[1]), True)
  server.end()
  os.unlink(path)


def test_files(folder):
  path = os.path.join(folder, "file")
  server = Server(folder, "-e", path, "-v")
  client = server.client()
  check("cold without a file", client.ask("mg k\r\n"), "EN")
  check("which is no reason for a warning", "cold" in server.log(), False)
  client.ask("set k 0 0 1\r\n1\r\n")
  refuses("a second server with the same file", 1, "in use", "-e", path)
  server.end(signal.SIGKILL)
  check("a crash leaves no save", os.path.exists(path), False)

  server = Server(folder, "-e", path)
  client = server.client()
  check("cold after a crash", client.ask("mg k\r\n"), "EN")
  check("and says so", "starts cold" in server.log(), True)
  client.ask("set k 0 0 1\r\n2\r\n")
  server.end()
  os.truncate(path, os.path.getsize(path) - 1)
  server = Server(folder, "-e", path)
  check("cold with a torn file", server.client().ask("mg k\r\n"), "EN")
  check("and says so", "starts cold" in server.log(), True)
  check("and the file is gone", os.path.exists(path), False)
  server.end(signal.SIGKILL)

  with open(path, "w") as file:
    file.write("something of somebody")
  server = Server(folder, "-e", path)
  check("cold with a foreign file", server.client().ask("mg k\r\n"), "EN")
  check("and says so", "starts cold" in server.log(), True)
  check("and the file is still there", os.path.getsize(path), 21)
  server.end()

  refuses("no such folder", 1, "No such file", "-e",
          os.path.join(folder, "no", "file"))
  refuses("a folder", 1, "not a regular file" if os.getuid() != 0 else "-e",
          "-e", folder)
  os.unlink(path)


def test_daemon(folder):
  """A relative path is one of where the daemon was started."""
  pid_file = os.path.join(folder, "pid")
  path = os.path.join(folder, "relative")
  for expected in ["EN", "HD"]:
    server = Server(folder, "-e", "relative", "-d", "-P", pid_file, cwd=folder)
    check("-d", server.process.wait(60), 0)
    client = server.client()
    check("-d and a relative path", client.ask("mg k\r\n"), expected)
    client.ask("set k 0 0 1\r\n1\r\n")
    with open(pid_file) as file:
      os.kill(int(file.read()), signal.SIGTERM)
    for _ in range(1200):
      if not os.path.exists(pid_file):
        break
      time.sleep(0.05)
    check("its pid file goes when all is saved", os.path.exists(path), True)


def path_of_nobody(folder, name):
  """A file that the user nobody can make, in a folder of this name."""
  theirs = os.path.join(folder, name)
  os.mkdir(theirs, 0o700)
  os.chown(theirs, 65534, 65534)
  os.chmod(folder, 0o755)
  return os.path.join(theirs, "file")


def test_user(folder):
  if os.getuid() != 0:
    return
  path = path_of_nobody(folder, "theirs")
  for expected in ["EN", "HD"]:
    server = Server(folder, "-e", path, user=["-u", "nobody"])
    client = server.client()
    check("-u nobody", client.ask("mg k\r\n"), expected)
    client.ask("set k 0 0 1\r\n1\r\n")
    check("its end", server.end(), 0)
    check("whose file it is", os.stat(path).st_uid, 65534)


def test_failed_start(folder):
  """The items are out of FILE when there is no room for the workers."""
  if os.getuid() != 0:
    return
  path = path_of_nobody(folder, "no threads")
  user = ["-u", "nobody"]
  server = Server(folder, "-e", path, user=user)
  server.client().store_all(3)
  server.end()
  for threads in range(1, 6):
    limit = lambda n=threads: resource.setrlimit(resource.RLIMIT_NPROC, (n, n))
    server = Server(folder, "-e", path, "-t", "2", user=user, preexec_fn=limit)
    check("there is no room for the threads", server.process.wait(60), 1)
    check("and it says so", "Can't create thread" in server.log(), True)
  server = Server(folder, "-e", path, user=user)
  check("all is still there", server.client().versions(), {3})
  server.end()


def test_no_room(folder):
  path = os.path.join(folder, "file")
  limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
  server = Server(folder, "-e", path, preexec_fn=limit)
  server.client().store_all(0)
  check("an end that could not save", server.end(), 1)
  check("says so", "not saved" in server.log(), True)
  check("and leaves nothing", [name for name in os.listdir(folder)
                               if name.startswith("file")], [])


def kill_in_save(server, delay):
  """SIGTERM, and after that time SIGKILL. None: to its end."""
  server.process.send_signal(signal.SIGTERM)
  if delay is not None:
    time.sleep(delay)
    server.process.kill()
  server.process.wait(60)


def test_kills(folder):
  path = os.path.join(folder, "file")
  server = Server(folder, "-e", path, "-t", "2")
  server.client().store_all(1)
  began = time.monotonic()
  kill_in_save(server, None)
  took = time.monotonic() - began
  random.seed(os.getpid())
  seen = {1: 0, None: 0}
  for i in range(ROUNDS + 1):
    version = i + 1
    if i % 2 == 1:
      # While it loads; or it has begun to serve, and then all is gone.
      server = Server(folder, "-e", path)
      time.sleep(random.uniform(0, took))
      server.end(signal.SIGKILL)
    server = Server(folder, "-e", path)
    client = server.client()
    found = client.versions()
    check(f"round {i}: all of it or nothing", found in ({version}, {None}),
          True)
    if found not in ({version}, {None}):
      print("#", found, server.log())
    seen[None if None in found else 1] += 1
    client.store_all(version + 1)
    delay = random.uniform(0.5, 1.5) * took * i / ROUNDS
    kill_in_save(server, None if i % 5 == 4 else delay)
  server = Server(folder, "-e", path)
  found = server.client().versions()
  check("the last one, which was not killed", found,
        {ROUNDS + 2} if ROUNDS % 5 == 4 else found)
  server.end(signal.SIGKILL)
  print(f"# {seen[1]} warm, {seen[None]} cold; a save takes {took:.3f} s")
  check("some were warm", seen[1] > 0, True)
  check("some were cold", seen[None] > 0, True)
  server = Server(folder, "-e", path)
  check("no old save comes back", server.client().versions(), {None})
  server.end()


def test_stop_while_loading(folder):
  path = os.path.join(folder, "stop")
  server = Server(folder, "-e", path)
  server.client().store_all(5)
  server.end()
  for i in range(4):
    server = Server(folder, "-e", path, "-t", "1")
    time.sleep(0.02 + 0.02 * i)
    # Before its signals are blocked it is just killed by it.
    check("a stop at once", server.end() in (0, -signal.SIGTERM), True)
  server = Server(folder, "-e", path)
  check("loses nothing", server.client().versions(), {5})
  server.end()


def main():
  with tempfile.TemporaryDirectory() as folder:
    test_ways_to_end(folder)
    test_files(folder)
    test_daemon(folder)
    test_user(folder)
    test_failed_start(folder)
    test_no_room(folder)
    test_stop_while_loading(folder)
    test_kills(folder)
  print(f"{passed} passed, {failed} failed")
  sys.exit(1 if failed else 0)


if __name__ == "__main__":
  main()
