# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What all black-box tests share: a server process and a raw connection.

The tests talk bytes, never through a client library, so that a wrong reply
cannot hide behind a lenient parser.  Nothing here knows whether the server is
cucached or memcached, except by the name that the caller passes on.
"""

import argparse
import contextlib
import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures

TIMEOUT = float(os.environ.get("CUCACHE_TEST_TIMEOUT", "60"))


class Failure(Exception):
  """A check that did not hold; the text says what was seen."""


class Skipped(Exception):
  """What the test needs is not here."""


def check(condition, message):
  if not condition:
    raise Failure(message)


def server_name(path):
  """cucached or memcached, judged by what the binary says it is."""
  try:
    said = subprocess.run([path, "-V"], capture_output=True, timeout=TIMEOUT,
                          check=False).stdout
  except OSError as error:
    sys.exit(f"cannot run {path}: {error}")
  return "cucached" if b"cucache" in said else "memcached"


def sanitized(path):
  """Built with a sanitizer, whose own memory is many times the program's."""
  with open(path, "rb") as binary:
    content = binary.read()
  return b"__asan_" in content or b"__tsan_" in content


def add_server_options(parser):
  parser.add_argument("--server", default=os.environ.get("CUCACHED",
                                                         "./cucached"),
                      help="the binary under test (default: $CUCACHED)")
  parser.add_argument("--server-name", choices=["cucached", "memcached"],
                      help="whose deliberate differences apply")


def parse_server_options(parser, argv=None):
  options = parser.parse_args(argv)
  options.server = os.path.abspath(options.server)
  if not os.access(options.server, os.X_OK):
    sys.exit(f"{options.server}: no such program; name one by --server or "
             "the environment variable CUCACHED")
  if options.server_name is None:
    options.server_name = server_name(options.server)
  return options


def free_port():
  """A port of 127.0.0.1 that nobody listens on at this moment.

  CUCACHE_TEST_PORTS=LOW-HIGH keeps the choice inside a range. Without it, they
  are below those that the kernel gives to clients: one of the thousands of other
  tests could be given the port before the server takes it, or between two
  servers.
  """
  limits = os.environ.get("CUCACHE_TEST_PORTS", "12000-32000")
  low, high = map(int, limits.split("-"))
  candidates = list(range(low, high + 1))
  random.SystemRandom().shuffle(candidates)
  for port in candidates:
    with socket.socket() as probe:
      probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      with contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return port
  raise Failure(f"no free port in {limits}")


class Daemon:
  """One server process on a port of its own; use it in a with statement."""

  # Two that start at once could be given the same port.
  starting = threading.Lock()
  # What is added to the environment.
  environment = {}

  def __init__(self, path, args=(), name="", user_args=True):
    self.path = path
    self.args = list(args)
    self.name = name
    self.user_args = user_args
    self.process = None
    self.port = 0
    self.log = None

  def __enter__(self):
    self.start()
    return self

  def __exit__(self, *unused):
    self.stop()

  def command(self):
    words = [self.path, "-l", "127.0.0.1", "-p", str(self.port), "-U", "0"]
    if os.geteuid() == 0 and self.user_args:
      words += ["-u", "root"]
    return words + self.args

  def start(self):
    """Tries another port when someone took the first one meanwhile."""
    for _ in range(5):
      with self.starting:
        self.port = free_port()
        if self._start_once():
          return
    raise Failure(f"{' '.join(self.command())} does not start: "
                  f"{self.log_text()[-400:]}")

  def _start_once(self):
    self.log = tempfile.TemporaryFile()
    self.process = subprocess.Popen(
        self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
        stderr=self.log, env=dict(os.environ, **self.environment))
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
      if self.process.poll() is not None:
        return False
      with contextlib.suppress(OSError):
        if self.greets(timeout=1):
          return True
      time.sleep(0.01)
    self.stop()
    return False

  def greets(self, timeout=None):
    """It answers a newcomer. OSError if it does not even listen."""
    with self.connect(timeout=timeout) as conn:
      return conn.ask(b"mn\r\n") == b"MN\r\n"

  def log_text(self):
    if self.log is None:
      return ""
    self.log.seek(0)
    return self.log.read().decode("latin-1")

  def stop(self):
    if self.process is None or self.process.poll() is not None:
      return
    self.process.terminate()
    try:
      self.process.wait(5)
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.process.wait()

  def kill(self):
    self.process.send_signal(signal.SIGKILL)
    self.process.wait()

  def connect(self, **options):
    return Conn(self.port, **options)

  def status_kb(self, field="VmRSS"):
    with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
      for line in lines:
        if line.startswith(field + ":"):
          return int(line.split()[1])
    return 0

  def check_alive(self, after=""):
    """The server still answers a newcomer."""
    check(self.process.poll() is None,
          f"{after}: the server ended with {self.process.returncode}: "
          f"{self.log_text()[-400:]}")
    check(self.greets(), f"{after}: a newcomer gets no answer")

  def stats(self, sub=b""):
    with self.connect() as conn:
      return conn.stats(sub)


class Conn:
  """A TCP connection with a buffer, and helpers that read exact amounts."""

  def __init__(self, port, timeout=None, host="127.0.0.1", receive_buffer=0):
    self.sock = socket.socket()
    if receive_buffer:
      self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    self.sock.settimeout(timeout or TIMEOUT)
    try:
      self.sock.connect((host, port))
    except OSError:
      self.sock.close()
      raise
    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    self.buffer = bytearray()
    self.eof = False

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self.close()

  def close(self):
    self.sock.close()

  def send(self, data):
    self.sock.sendall(data)

  def half_close(self):
    self.sock.shutdown(socket.SHUT_WR)

  def fill(self):
    """One recv into the buffer; False at the end of the stream."""
    try:
      data = self.sock.recv(1 << 18)
    except ConnectionResetError:
      data = b""
    if not data:
      self.eof = True
      return False
    self.buffer += data
    return True

  def read(self, count):
    while len(self.buffer) < count:
      if not self.fill():
        break
    data = bytes(self.buffer[:count])
    del self.buffer[:count]
    return data

  def line(self):
    """Up to and with the next newline, less only at the end of the stream."""
    start = 0
    while True:
      at = self.buffer.find(b"\n", start)
      if at >= 0:
        return self.read(at + 1)
      start = len(self.buffer)
      if not self.fill():
        return self.read(start)

  def until(self, tail):
    """Everything up to and with the tail, or up to the end of the stream."""
    start = 0
    while True:
      at = self.buffer.find(tail, start)
      if at >= 0:
        return self.read(at + len(tail))
      start = max(0, len(self.buffer) - len(tail))
      if not self.fill():
        return self.read(len(self.buffer))

  def ask(self, data):
    """Sends a command whose reply is one line."""
    self.send(data)
    return self.line()

  def quiet(self, seconds):
    """Whatever arrives until nothing came for so long."""
    old = self.sock.gettimeout()
    self.sock.settimeout(seconds)
    try:
      while self.fill():
        pass
    except socket.timeout:
      pass
    finally:
      self.sock.settimeout(old)
    return self.read(len(self.buffer))

  def at_eof(self):
    """The server closed; what came before is left in the buffer."""
    try:
      while self.fill():
        pass
    except socket.timeout:
      return False
    return True

  def set(self, key, value, flags=0, exptime=0):
    head = b"set %s %d %d %d\r\n" % (key, flags, exptime, len(value))
    self.send(head + value + b"\r\n")
    return self.line()

  def get(self, key):
    """The value, or None; anything but one value or END is a Failure."""
    self.send(b"get %s\r\n" % key)
    head = self.line()
    if head == b"END\r\n":
      return None
    words = head.split()
    check(len(words) == 4 and words[0] == b"VALUE" and words[1] == key,
          f"get {key!r} was answered by {head[:200]!r}")
    size = int(words[3])
    value = self.read(size)
    tail = self.read(7)
    check(tail == b"\r\nEND\r\n", f"after the value of {key!r} came {tail!r}")
    return value

  def stats(self, sub=b""):
    self.send(b"stats %s\r\n" % sub if sub else b"stats\r\n")
    found = {}
    while True:
      line = self.line()
      if line in (b"END\r\n", b"RESET\r\n"):
        return found
      words = line.decode("latin-1").split(None, 2)
      check(len(words) >= 2 and words[0] == "STAT",
            f"a line of stats is {line!r}")
      found[words[1]] = words[2].rstrip("\r\n") if len(words) > 2 else ""


def value_for(key, size):
  """A value that can only belong to this key and size."""
  if isinstance(key, str):
    key = key.encode()
  seed = hashlib.sha256(b"%s %d" % (key, size)).digest()
  return (seed * (size // len(seed) + 1))[:size]


CAS_IN_VALUE = re.compile(rb"^(VALUE \S+ \d+ \d+) \d+(?=\r\n)", re.M)
CAS_IN_META = re.compile(rb"^((?:VA \d+|HD|NS|EX|NF)(?: \S+)*? c)\d+", re.M)


def mask_cas(reply):
  """CAS ids are the server's own affair: only their places must agree."""
  reply = CAS_IN_VALUE.sub(rb"\1 #", reply)
  return CAS_IN_META.sub(rb"\1#", reply)


def new_parser(text):
  parser = argparse.ArgumentParser(description=text)
  add_server_options(parser)
  return parser


def case(*args, daemon=Daemon):
  """Marks a function as a test that gets a server with these arguments."""
  def mark(function):
    function.server_args = list(args)
    function.daemon = daemon
    return function
  return mark


class Standstills:
  """Knows when a processor stood still: one of a virtual machine may do so for
  seconds. Then whatever thread it was running holds up the others, as one that
  is never quiescent does: the server may refuse what it would not otherwise."""

  PULSE = 0.05
  LONGEST = 0.3

  def __init__(self):
    self.ends = []
    self.last = {}
    for cpu in os.sched_getaffinity(0):
      self.last[cpu] = time.monotonic()
      threading.Thread(target=self._watch, args=(cpu,), daemon=True).start()

  def _watch(self, cpu):
    os.sched_setaffinity(0, {cpu})  # of this thread
    while True:
      time.sleep(self.PULSE)
      now = time.monotonic()
      if now - self.last[cpu] > self.LONGEST:
        self.ends.append(now)
      self.last[cpu] = now

  def any_since(self, moment):
    """Whether there was one, or is one now."""
    now = time.monotonic()
    return (any(end > moment for end in list(self.ends)) or
            any(now - last > self.LONGEST for last in self.last.values()))


def run_case_fairly(options, function, standstills):
  """Tries it again where it may have failed for want of a processor."""
  for _ in range(4):
    began = time.monotonic()
    verdict, line = run_case(options, function)
    if verdict != "FAILED" or not standstills.any_since(began):
      break
    print(f"{line}\n        (a processor stood still: once more)", flush=True)
  return verdict, line


def run_case(options, function):
  """("ok", "FAILED" or "SKIPPED", the line that tells of it)."""
  began = time.monotonic()
  daemon = function.daemon(options.server, function.server_args)
  try:
    with daemon:
      said = function(daemon, options)
      daemon.check_alive(function.__name__)
    verdict = "ok"
  except Skipped as why:
    verdict, said = "SKIPPED", str(why)
  except (Failure, OSError, subprocess.TimeoutExpired) as failure:
    verdict, said = "FAILED", f"{type(failure).__name__}: {failure}"
  return verdict, (f"{verdict:7} {function.__name__:36} "
                   f"{time.monotonic() - began:6.1f} s  {said or ''}")


def run_cases(options, cases, only=None, side_by_side=1):
  """Each case with a server of its own; exits with 1 when one failed.

  A case is called with (daemon, options), and the server must still answer a
  newcomer when it is over.
  """
  chosen = [function for function in cases
            if not only or only in function.__name__]
  count = {"ok": 0, "FAILED": 0, "SKIPPED": 0}
  standstills = Standstills()
  with futures.ThreadPoolExecutor(side_by_side) as pool:
    running = [pool.submit(run_case_fairly, options, function, standstills)
               for function in chosen]
    for one in running:
      verdict, line = one.result()
      count[verdict] += 1
      print(line, flush=True)
  skipped = f", {count['SKIPPED']} skipped" if count["SKIPPED"] else ""
  print(f"{count['ok']} passed, {count['FAILED']} failed{skipped}")
  sys.exit(1 if count["FAILED"] else 0)
