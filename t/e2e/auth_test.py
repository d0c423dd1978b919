#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Authentication of the daemon as a process: -Y with its replies, start-up
errors and SIGHUP; -S with a file of passwords, if this build has it."""

import atexit
import glob
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

DAEMON = os.environ.get("CUCACHED", "./cucached")
UNAUTHENTICATED = "CLIENT_ERROR unauthenticated"
FAILURE = "CLIENT_ERROR authentication failure"
# crypt("geheim", "$6$rounds=1000$salz$")
HASH = ("$6$rounds=1000$salz$6bd2YswVk/FKdGb9Pfx7"
        "J3540abG6au5qdmMYngeOWTaHEAYJAeaMwc.JESj78qrdcw3v9kjfLJk6mS98dXon/")

passed = failed = 0


def check(what, got, expected):
  global passed, failed
  if got == expected:
    passed += 1
    print("ok -", what)
  else:
    failed += 1
    print("not ok -", what, "\n#   got:", got, "\n#   expected:", expected)


class Server:

  def __init__(self, folder, *options, **environment):
    self.ports = os.path.join(folder, "ports")
    if os.path.exists(self.ports):
      os.unlink(self.ports)
    self.errors = open(os.path.join(folder, "errors"), "w+")
    command = [DAEMON, "-p", "-1", "-l", "127.0.0.1", "-U", "0", *options]
    if os.getuid() == 0:
      command += ["-u", "root"]
    self.process = subprocess.Popen(
        command, stderr=self.errors,
        env=dict(os.environ, MEMCACHED_PORT_FILENAME=self.ports,
                 **environment))

    atexit.register(self.process.kill)

  def port(self):
    for _ in range(1200):
      try:
        with open(self.ports) as file:
          return int(file.read().split("TCP INET: ")[1].split()[0])
      except (OSError, IndexError):
        time.sleep(0.05)
    raise RuntimeError("the server does not listen: " + self.log())

  def log(self):
    with open(self.errors.name) as file:
      return file.read()

  def stop(self):
    self.process.terminate()
    return self.process.wait(60)

  def await_log(self, words, times=1):
    for _ in range(1200):
      if self.log().count(words) >= times:
        return True
      time.sleep(0.05)
    return False


class Client:

  def __init__(self, port):
    self.socket = socket.create_connection(("127.0.0.1", port), 60)
    self.file = self.socket.makefile("rb")

  def ask(self, text, lines=1):
    self.socket.sendall(text.encode())
    got = [self.file.readline().decode().rstrip("\r\n") for _ in range(lines)]
    return got[0] if lines == 1 else got

  def login(self, user, password):
    pair = user + " " + password
    return self.ask(f"set any 0 0 {len(pair)}\r\n{pair}\r\n")

  def stats(self, which=""):
    self.socket.sendall(f"stats{which}\r\n".encode())
    rows = {}
    while (line := self.file.readline().decode().split())[0] != "END":
      rows[line[1]] = line[2] if len(line) > 2 else ""
    return rows


def write(path, text):
  """As a careful administrator does: whole, and in one step."""
  with open(path + ".new", "w") as file:
    file.write(text)
  os.rename(path + ".new", path)


def refuses(what, code, words, *options):
  result = subprocess.run([DAEMON, "-p", "-1", "-l", "127.0.0.1", "-u", "root",
                           *options], capture_output=True, text=True,
                          timeout=60, check=False)
  check(what, (result.returncode, words in result.stderr), (code, True))


def test_replies(port):
  c = Client(port)
  check("nothing before the login", c.ask("get foo\r\n"), UNAUTHENTICATED)
  check("a value that is no login", c.ask("set a 0 0 2\r\nhi\r\n"),
        "CLIENT_ERROR bad authentication token format")
  check("a value without its end", c.ask("set a 0 0 7\r\nfoo barxx"),
        "CLIENT_ERROR bad command line termination")
  check("too long", c.ask("set a 0 0 16385\r\n"),
        "CLIENT_ERROR auth token too long")
  check("a wrong password", c.login("foo", "bab"), FAILURE)
  check("an unknown user", c.login("fox", "bar"), FAILURE)
  check("noreply and pipelined",
        c.ask("set a 0 0 7 noreply\r\nfoo bar\r\nset k 0 0 1\r\nv\r\n", 2),
        ["STORED", "STORED"])
  check("a set is a set then", c.ask("get k\r\n", 3),
        ["VALUE k 0 1", "v", "END"])
  check("a password with spaces and colons",
        Client(port).login("spaced", "a b:c"), "STORED")
  check("the ninth user", Client(port).login("u9", "p9"), "STORED")
  check("a hash, wrong password", Client(port).login("hashed", "falsch"),
        FAILURE)
  check("a hash, right password", Client(port).login("hashed", "geheim"),
        "STORED")
  rows = c.stats()
  check("counted", (rows["auth_cmds"], rows["auth_errors"]), ("7", "3"))
  binary = socket.create_connection(("127.0.0.1", port), 60)
  binary.sendall(b"\x80\x0a" + bytes(22) + b"x" * 3000)
  check("binary is thrown out", binary.recv(100), b"")


def test_authfile(folder):
  users = os.path.join(folder, "users")
  lines = "foo:bar\nspaced:a b:c\nhashed:" + HASH + "\n"
  lines += "".join(f"u{i}:p{i}\n" for i in range(20))
  write(users, lines)
  server = Server(folder, "-Y", users)
  port = server.port()
  test_replies(port)
  old = Client(port)
  old.login("foo", "bar")
  check("settings", (old.stats(" settings")["auth_enabled_ascii"],
                     old.stats(" settings")["binding_protocol"]),
        (users, "ascii"))
  write(users, "foo:bar\nbroken line\n")
  server.process.send_signal(signal.SIGHUP)
  check("a broken file is named with its line",
        server.await_log(f"{users}, line 2"), True)
  check("the users stay", Client(port).login("u9", "p9"), "STORED")
  write(users, "new:word\n")
  server.process.send_signal(signal.SIGHUP)
  for _ in range(1200):
    if Client(port).login("new", "word") == "STORED":
      break
    time.sleep(0.05)
  check("a new user after SIGHUP", Client(port).login("new", "word"), "STORED")
  check("an old one is gone", Client(port).login("foo", "bar"), FAILURE)
  check("who was in stays in", old.ask("get k\r\n", 3)[1], "v")
  os.unlink(users)
  os.symlink(fifo(folder), users)
  server.process.send_signal(signal.SIGHUP)
  check("what is no file is named", server.await_log("not a regular file"),
        True)
  check("and the users stay", Client(port).login("new", "word"), "STORED")
  os.unlink(users)
  server.process.send_signal(signal.SIGHUP)
  check("a missing file is named", server.await_log("No such file"), True)
  check("and the users stay", Client(port).login("new", "word"), "STORED")
  check("a clean end", server.stop(), 0)


def test_long_reload(folder):
  """Reading a long file keeps nobody waiting: new clients, the end."""
  users = os.path.join(folder, "many")
  lines = "".join(f"user{i}:password{i}\n" for i in range(300000))
  write(users, lines)
  server = Server(folder, "-Y", users, "-v")
  port = server.port()
  for read in range(1, 11):  # a busy machine may be late with the clients
    begin_reload(server)
    for _ in range(5):
      check("a new client, the users as they were",
            Client(port).login("user299999", "password299999"), "STORED")
    early = server.log().count("again") < read
    check("the file is read in the end",
          server.await_log("300000 entries", read), True)
    if early:
      break
  check("after the clients", early, True)
  write(users, lines + "new:word\n")
  server.process.send_signal(signal.SIGHUP)
  check("and another time", server.await_log("300001 entries"), True)
  check("a new user", Client(port).login("new", "word"), "STORED")
  check("a clean end", server.stop(), 0)
  for _ in range(10):  # the signal may be late, too
    server = Server(folder, "-Y", users, "-v")
    server.port()
    begin_reload(server)
    check("a clean end meanwhile", server.stop(), 0)
    if "again" not in server.log():
      break
  check("which does not wait for the file",
        "not read to its end" in server.log(), True)


def cpu_seconds(process):
  with open(f"/proc/{process}/stat") as file:
    fields = file.read().rsplit(")", 1)[1].split()
  return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_called(name, pid):
  """As cpu_seconds() wants it; None if it does not run."""
  for path in glob.glob(f"/proc/{pid}/task/*/comm"):
    with open(path) as file:
      if file.read() == name + "\n":
        return os.path.relpath(os.path.dirname(path), "/proc")
  return None


def until(condition):
  for _ in range(6000):
    if condition():
      return
    time.sleep(0.01)


def begin_reload(server):
  """Returns when the file is being read, or was just read."""
  pid = server.process.pid
  until(lambda: thread_called("cu-reload", pid))
  thread = thread_called("cu-reload", pid)
  before = cpu_seconds(thread)
  server.process.send_signal(signal.SIGHUP)
  until(lambda: cpu_seconds(thread) > before)


def test_guesses(folder):
  """Passwords that are slow to check are waited for, not asked for again and
  again; whatever else their clients send, and if they go away meanwhile."""
  users = os.path.join(folder, "slow")
  slow = HASH.replace("rounds=1000", "rounds=400000")
  write(users, f"foo:bar\nslow:{slow}\n")
  server = Server(folder, "-Y", users, "-t", "1")
  port = server.port()
  login = b"set x 0 0 10\r\nslow wrong\r\n"
  clients = [Client(port) for _ in range(4)]
  # Before the first: who comes back late must not find all of them answered.
  cpu, start = cpu_seconds(server.process.pid), time.monotonic()
  for client in clients:
    client.socket.sendall(login)
  time.sleep(0.2)
  for client in clients:
    client.socket.sendall(b"get a\r\n")
  gone = Client(port)
  gone.socket.sendall(login)
  gone.socket.close()
  for client in clients:
    check("a guess", client.file.readline().decode().strip(), FAILURE)
  share = (cpu_seconds(server.process.pid) - cpu) / (time.monotonic() - start)
  check("the worker rests while guesses wait", share < 0.6, True)
  print(f"# {share:.2f} of a processor")
  check("others log in", Client(port).login("foo", "bar"), "STORED")
  for client in clients:
    check("nothing is lost", client.file.readline().decode().strip(),
          UNAUTHENTICATED)
  check("a clean end", server.stop(), 0)


def fifo(folder):
  """Whoever opens it waits for somebody who writes."""
  path = os.path.join(folder, "fifo")
  if not os.path.exists(path):
    os.mkfifo(path)
  return path


def test_startup(folder):
  users = os.path.join(folder, "users")
  refuses("a missing file", 1, "No such file", "-Y", users)
  write(users, "nocolon\n")
  refuses("a malformed file", 1, "line 1: it should be user:password", "-Y",
          users)
  refuses("what is no file", 1, "not a regular file", "-Y", fifo(folder))
  write(users, "foo:bar\n")
  refuses("-B binary", 64, "-Y allows only the ascii", "-Y", users, "-B",
          "binary")
  refuses("-B auto", 64, "-Y allows only the ascii", "-Y", users, "-B", "auto")
  refuses("-S as well", 64, "exclude", "-Y", users, "-S")


def packet(opcode, key=b"", value=b""):
  return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), 0, 0, 0,
                     len(key) + len(value), 7, 0) + key + value


def binary_ask(file, sock, *arguments):
  sock.sendall(packet(*arguments))
  header = struct.unpack(">BBHBBHIIQ", file.read(24))
  return header[5], file.read(header[6])


def test_sasl(folder):
  passwords = os.path.join(folder, "pwdb")
  host = socket.gethostname()
  write(passwords, f"other:x\nfoo:bar:\nbaz@{host}:quux\r\n")
  write(os.path.join(folder, "memcached.conf"), "mech_list: plain\n")
  server = Server(folder, "-S", SASL_CONF_PATH=folder,
                  MEMCACHED_SASL_PWDB=passwords)
  sock = socket.create_connection(("127.0.0.1", server.port()), 60)
  file = sock.makefile("rb")
  check("mechanisms", binary_ask(file, sock, 0x20), (0, b"PLAIN"))
  for user, password, status in ((b"foo", b"ba", 0x20), (b"foo", b"barr", 0x20),
                                 (b"fo", b"bar", 0x20), (b"baz", b"quux", 0),
                                 (b"foo", b"bar", 0)):
    check(f"SASL {user} {password}",
          binary_ask(file, sock, 0x21, b"PLAIN",
                     b"\0" + user + b"\0" + password)[0], status)
  check("in", binary_ask(file, sock, 0x0a), (0, b""))
  # Whoever reads it takes long enough to make others wait for their attempt.
  write(passwords, "other:x\n" * 1000000 + "foo:bar\n")
  crowd = [socket.create_connection(("127.0.0.1", server.port()), 10)
           for _ in range(16)]
  for one in crowd:
    one.sendall(packet(0x21, b"PLAIN", b"\0foo\0bar"))
  for one in crowd:
    check("a crowd behind a slow attempt", one.recv(100)[24:],
          b"Authenticated")
    check("and in", binary_ask(one.makefile("rb"), one, 0x0a), (0, b""))
  os.unlink(passwords)
  os.symlink(fifo(folder), passwords)
  other = socket.create_connection(("127.0.0.1", server.port()), 60)
  check("a fifo lets nobody in and keeps no worker",
        binary_ask(other.makefile("rb"), other, 0x21, b"PLAIN", b"\0foo\0bar"),
        (0x20, b"Auth failure."))
  for _ in range(30):
    binary_ask(file, sock, 0x21, b"PLAIN", b"\0foo\0bar")
  check("not a line for each attempt",
        1 <= server.log().count("cannot read the file of SASL users") < 10,
        True)
  check("an unknown mechanism",
        binary_ask(file, sock, 0x21, b"NONE", b"x"), (0x20, b"Auth failure."))
  check("out", binary_ask(file, sock, 0x0a), (0x20, b"Auth failure."))
  check("and closed", file.read(1), b"")
  text = socket.create_connection(("127.0.0.1", server.port()), 60)
  text.sendall(b"get foo\r\n")
  check("no text under -S", text.recv(100), b"")
  check("a clean end", server.stop(), 0)
  refuses("-S -B ascii", 64, "-S allows only the binary", "-S", "-B", "ascii")


def main():
  with tempfile.TemporaryDirectory() as folder:
    test_startup(folder)
    test_authfile(folder)
    test_long_reload(folder)
    test_guesses(folder)
    probe = subprocess.run([DAEMON, "-S", "-p", "0", "-s", "/nonexistent/x",
                            "-u", "root"], capture_output=True, text=True,
                           timeout=60, check=False)
    if "not built with SASL" in probe.stderr:
      print("# this build has no SASL")
    else:
      test_sasl(folder)
  print(f"{passed} passed, {failed} failed")
  return failed != 0


if __name__ == "__main__":
  sys.exit(main())
