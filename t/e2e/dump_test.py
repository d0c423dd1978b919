#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""cucached-dump and cucached-load between servers: nothing is lost, whatever
is written meanwhile; a client that does not read its dump holds nobody up.
$MEMCACHED, or a memcached in the path, is dumped and loaded as well.
CUCACHED_DUMP_ITEMS is how many items (200,000)."""

import atexit
import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

DAEMON = os.environ.get("CUCACHED", "./cucached")
HERE = os.path.dirname(os.path.abspath(DAEMON))
DUMP = os.path.join(HERE, "cucached-dump")
LOAD = os.path.join(HERE, "cucached-load")
MEMCACHED = os.environ.get("MEMCACHED") or shutil.which("memcached")
ITEMS = int(os.environ.get("CUCACHED_DUMP_ITEMS", "200000"))

# More than 30 days is a point in time.
STARTED = time.time()
LATE = int(STARTED) + 4000000

passed = failed = 0


def check(what, got, expected=True):
  global passed, failed
  if got == expected:
    passed += 1
    print("ok -", what, flush=True)
  else:
    failed += 1
    print("not ok -", what, "\n#   got:", str(got)[:500], "\n#   expected:",
          str(expected)[:500], flush=True)


class Server:

  def __init__(self, folder, *options, program=DAEMON):
    self.name = tempfile.mktemp(dir=folder)
    ports = self.name + ".ports"
    command = [program, "-p", "-1", "-l", "127.0.0.1", "-U", "0", *options]
    if os.getuid() == 0:
      command += ["-u", "root"]
    self.process = subprocess.Popen(
        command, env=dict(os.environ, MEMCACHED_PORT_FILENAME=ports))
    atexit.register(self.process.kill)
    for _ in range(1200):
      try:
        with open(ports) as file:
          self.port = int(file.read().split("TCP INET: ")[1].split()[0])
          break
      except (OSError, IndexError):
        time.sleep(0.05)
    self.address = f"127.0.0.1:{self.port}"

  def resident(self):
    with open(f"/proc/{self.process.pid}/status") as file:
      for line in file:
        if line.startswith("VmRSS:"):
          return int(line.split()[1]) * 1024

  def stop(self):
    self.process.terminate()
    return self.process.wait(60)


class Client:

  def __init__(self, server):
    self.socket = socket.create_connection(("127.0.0.1", server.port), 30)
    self.file = self.socket.makefile("rb", 1 << 20)

  def say(self, text):
    self.socket.sendall(text)
    return self.file.readline().rstrip(b"\r\n")

  def store(self, items):
    """items: (key as it stands in a line, b flag, value, flags, ttl)."""
    batch = []
    for key, b, value, flags, ttl in items:
      batch.append(b"ms %s %d q%s F%d T%d\r\n%s\r\n" %
                   (key, len(value), b" b" if b else b"", flags, ttl, value))
      if len(batch) == 500 or len(value) > 10000:
        self.flush(batch)
        batch = []
    self.flush(batch)

  def flush(self, batch):
    self.socket.sendall(b"".join(batch) + b"mn\r\n")
    line = self.file.readline()
    if line != b"MN\r\n":
      raise RuntimeError(line)

  def fetch(self, keys, flags=b"v f t"):
    """keys: (key, b flag) -> {key: (value, flags of the answer)}"""
    found = {}
    for at in range(0, len(keys), 200):
      part = keys[at:at + 200]
      self.socket.sendall(b"".join(
          b"mg %s %s%s\r\n" % (key, flags, b" b" if b else b"")
          for key, b in part))
      for key, _ in part:
        head = self.file.readline().split()
        if head[0] == b"VA":
          found[key] = (self.file.read(int(head[1]) + 2)[:-2],
                        {word[:1]: word[1:] for word in head[2:]})
    return found

  def stat(self, name, group=b""):
    self.socket.sendall(b"stats " + group + b"\r\n")
    for line in iter(self.file.readline, b"END\r\n"):
      if line.split()[1] == name:
        value = line.split()[2]
    return int(value)


def run(*command, stdin=None, timeout=300):
  result = subprocess.run(command, stdin=stdin, capture_output=True,
                          timeout=timeout)
  return result.returncode, result.stdout, result.stderr.decode()


def make_items(n, with_large=True):
  """Sizes, flags, TTLs and keys of all kinds."""
  for i in range(n):
    if i % 10 == 7:
      key, b = base64.b64encode(b"\x00 \n" + b"%d" % i), True
    else:
      key, b = b"stable:%d" % i, False
    size = (i * 7919) % 400 if i % 1000 else 5000 + i % 7000
    yield (key, b, (b"%d\r\nEN\r\n" % i) + b"x" * size,
           i % 3 and i * 12345 % (1 << 32), [0, 1000, LATE][i % 3])
  for i in range(40 if with_large else 0):
    yield b"large:%d" % i, False, bytes([i]) * (200000 + i * 1000), i, 0
  if with_large:
    yield b"huge", False, b"0123456789" * 2000000, 1, 5000


def compare(what, client, items):
  items = list(items)
  began = time.time()
  found = client.fetch([(key, b) for key, b, *_ in items])
  ended = time.time()
  missing = [i[0] for i in items if i[0] not in found]
  check(what + ": nothing is missing", (len(missing), missing[:5]), (0, []))
  wrong = late = 0
  example = None
  for key, _, value, flags, ttl in items:
    if key not in found:
      continue
    got, answer = found[key]
    wrong += got != value or int(answer[b"f"]) != flags
    left = int(answer[b"t"])
    # A busy machine may take long: it was asked between `began` and `ended`.
    if ttl == 0:
      bad = left != -1
    elif ttl == LATE:
      bad = left + began > ttl + 20 or left + ended < ttl - 20
    else:
      bad = left > ttl + 20 or left < ttl - 20 - (ended - STARTED)
    late += bad
    example = (key, ttl, left) if bad else example
  check(what + ": values and flags", wrong, 0)
  check(what + ": TTLs", (late, example), (0, None))


# More than make the table grow, fewer than the memory holds.
MOST_NEW = 800000


def overwrite(server, stop, problems):
  """Overwrites some keys and adds others, so that the table grows."""
  try:
    client = Client(server)
    n = 0
    while not stop.is_set():
      client.store([(b"busy:%d" % ((n + i * 37) % 20000), False,
                     b"%d " % n + b"y" * (n % 300), 5, 0) for i in range(400)] +
                   [(b"new:%d" % ((n + i) % MOST_NEW), False, b"z" * 10, 0, 0)
                    for i in range(400)])
      n += 400
  except Exception as error:  # told to the main thread
    problems.append(error)


def between_servers(folder):
  source = Server(folder, "-m", "250", "-I", "32m")
  target = Server(folder, "-m", "300", "-I", "32m", "-t", "2")
  client = Client(source)
  client.store(make_items(ITEMS))
  busy = [(b"busy:%d" % i, False, b"- ", 5, 0) for i in range(20000)]
  client.store(busy)
  before = client.stat(b"hash_bytes")
  stop, problems = threading.Event(), []
  writer = threading.Thread(target=overwrite, args=(source, stop, problems))
  writer.start()
  for _ in range(5):  # on a busy machine the writer may come to nothing
    with subprocess.Popen([DUMP, "--rate=40", source.address],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as dump:
      load = run(LOAD, target.address, stdin=dump.stdout)
      dump_says = dump.stderr.read().decode()
    if client.stat(b"hash_bytes") > before:
      break
  stop.set()
  writer.join()
  print("#", dump_says, "#", load[2], sep="", end="")
  check("the writer had no trouble", problems, [])
  if ITEMS >= 200000:
    check("the table has grown meanwhile", client.stat(b"hash_bytes") > before)
  check("dump and load end well", (dump.returncode, load[0]), (0, 0))
  other = Client(target)
  compare("between servers", other, make_items(ITEMS))
  found = other.fetch([(key, False) for key, *_ in busy])
  check("keys that are overwritten all the time are there", len(found), 20000)
  check("with a value that they had",
        all(v[0].endswith((b"y", b" ")) and int(f[b"f"]) == 5
            for v, f in ((x, x[1]) for x in found.values())))
  source.stop()
  target.stop()


def files_and_options(folder):
  path = os.path.join(folder, "socket")
  auth = os.path.join(folder, "auth")
  with open(auth, "w") as file:
    file.write("user:secret\n")
  source = subprocess.Popen([DAEMON, "-s", path, "-Y", auth] +
                            (["-u", "root"] if os.getuid() == 0 else []))
  atexit.register(source.kill)
  for _ in range(1200):
    if os.path.exists(path):
      break
    time.sleep(0.05)
  target = Server(folder)
  name = os.path.join(folder, "dump")
  check("without a password nothing is dumped",
        run(DUMP, "--output=" + name, path)[0], 2)
  check("and there is no file", os.path.exists(name), False)
  dump = b"ms a 1 F1 E77\r\nx\r\nms b 2 E78\r\nyy\r\nmd b q I C78\r\nEN\r\n"
  with open(name, "wb") as file:
    file.write(dump)
  # The password of the -Y file, through gflags' other spelling.
  code, _, says = run(LOAD, "--auth_file=" + auth, "--keep-cas",
                      "--input=" + name, "unix:" + path)
  check("load with a password, over a unix socket", (code, "2 stored" in says),
        (0, True))
  code, out, _ = run(DUMP, "--auth-file=" + auth, path)
  check("dump it again, with the CAS id that it had",
        (code, b"ms a 1 F1 E77\r\nx\r\n" in out, out.endswith(b"\r\nEN\r\n")),
        (0, True, True))
  check("a stale item stays stale", b"md b q I C" in out)
  code, _, _ = run(DUMP, "--auth-file=" + auth, "--output=" + name, path)
  with open(name, "rb") as file:
    check("a dump in a file", (code, file.read()), (0, out))
  check("for its owner only", os.stat(name).st_mode & 0o777, 0o600)
  source.kill()
  client = Client(target)
  client.say(b"set a 0 0 3\r\nold\r\n")
  code, _, says = run(LOAD, "--only-missing", "--input=" + name,
                      target.address)
  check("only what is missing", (code, "1 stored, 1 there already" in says),
        (0, True))
  client.socket.sendall(b"mg a v\r\nmg b v\r\n")
  check("the old one is still there, the stale one stale",
        [client.file.readline() for _ in range(4)],
        [b"VA 3\r\n", b"old\r\n", b"VA 2 X W\r\n", b"yy\r\n"])
  with open(name, "wb") as file:
    file.write(dump[:-10])
  code, _, says = run(LOAD, "--input=" + name, target.address)
  check("half a dump is an error", (code, "at byte" in says), (3, True))
  with open(name, "wb") as file:
    file.write(b"ms big 2000000\r\n" + b"x" * 2000000 +
               b"\r\nms c 1\r\nx\r\nEN\r\n")
  code, _, says = run(LOAD, "--input=" + name, target.address)
  check("what the server refuses is counted",
        (code, "1 stored, 1 refused" in says), (4, True))
  check("nobody listens", run(DUMP, "127.0.0.1:1")[0], 2)
  check("no address", run(DUMP)[0], 1)
  check("an unknown option", run(LOAD, "--nonsense", "x")[0], 1)
  check("help", [run(p, "--help")[1].startswith(b"usage: ")
                 for p in (DUMP, LOAD)], [True, True])
  target.stop()


def stalled_reader(folder):
  server = Server(folder, "-m", "256", "-t", "1")
  client = Client(server)
  client.store((b"v:%d" % i, False, b"x" * (100 if i % 4 else 20000), 0, 0)
               for i in range(40000))
  before = server.resident()
  stalled = []
  for _ in range(8):
    other = Client(server)
    other.socket.sendall(b"lru_crawler msdump all\r\n")
    other.socket.recv(1)  # it has begun
    stalled.append(other)
  check("the ninth is busy", client.say(b"lru_crawler msdump all\r\n"),
        b"BUSY currently processing crawler request")
  slowest = 0
  for i in range(2000):
    start = time.monotonic()
    client.socket.sendall(b"mg v:%d\r\n" % i)
    client.file.readline()
    slowest = max(slowest, time.monotonic() - start)
  grown = server.resident() - before
  print(f"# 8 stalled dumps: {grown} bytes more, slowest answer "
        f"{slowest * 1000:.1f} ms")
  check("eight stalled dumps hold little", grown < 8 << 20)
  for other in stalled:
    other.file.close()
    other.socket.close()
  code, out, _ = run(DUMP, server.address)  # it asks again while it is told BUSY
  check("when they are gone there is room again",
        (code, out.count(b"\r\nms v:") + out.startswith(b"ms v:")), (0, 40000))
  server.stop()


def pipelines(folder):
  """What came with one read is one pipeline, though it takes many turns."""
  server = Server(folder, "-t", "1")
  value = b"x" * (16384 - len(b"set k 0 0 16360\r\n\r\n"))
  store = b"set k 0 0 %d\r\n%s\r\n" % (len(value), value)
  check("a turn's input", len(store), 16384)
  for what, front, replies in (("200 gets", b"get a\r\n" * 200, 200),
                               ("what fills a turn", store * 2, 2)):
    client = Client(server)
    client.say(b"mn\r\n")
    # So that all of it is there when it is read.
    os.kill(server.process.pid, signal.SIGSTOP)
    client.socket.sendall(front + b"watch\r\n")
    os.kill(server.process.pid, signal.SIGCONT)
    lines = [client.file.readline() for _ in range(replies + 1)]
    check(f"no watch behind {what}", lines[-1],
          b"ERROR cannot pipeline other commands before watch\r\n")
  server.stop()


def with_memcached(folder):
  if not MEMCACHED:
    print("# no memcached here: not dumped, not loaded")
    return
  old = Server(folder, "-m", "200", program=MEMCACHED)
  new = Server(folder, "-m", "200")
  items = list(make_items(20000, with_large=False))
  Client(old).store(items)
  code, out, says = run(DUMP, old.address)
  check("dump of memcached", (code, out.endswith(b"\r\nEN\r\n")), (0, True))
  print("#", says, end="")
  name = os.path.join(folder, "memcached")
  with open(name, "wb") as file:
    file.write(out)
  check("its load", run(LOAD, "--input=" + name, new.address)[0], 0)
  compare("from memcached", Client(new), items)
  third = Server(folder, "-m", "200", program=MEMCACHED)
  with subprocess.Popen([DUMP, new.address], stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL) as dump:
    check("and into memcached", run(LOAD, third.address, stdin=dump.stdout)[0],
          0)
  compare("into memcached", Client(third), items)
  for server in (old, new, third):
    server.stop()


def dump_of_one(head):
  """What is dumped of a memcached that answers mg with this line."""
  answers = {b"lru_crawler msdump all\r\n": b"ERROR\r\n",
             b"lru_crawler mgdump hash\r\n": b"mg k\r\nEN\r\n",
             b"mg k v f t c\r\n": head + b"\r\nx\r\n"}
  def serve(client):
    with client, client.makefile("rb") as lines:
      for line in lines:
        client.sendall(answers[line])
  def accept():
    while True:
      threading.Thread(target=serve, args=(listener.accept()[0],),
                       daemon=True).start()
  listener = socket.create_server(("127.0.0.1", 0))
  threading.Thread(target=accept, daemon=True).start()
  return run(DUMP, f"127.0.0.1:{listener.getsockname()[1]}")[:2]


def odd_times(folder):
  """Beyond 31 bits: of memcached, below zero; from a set, after 2038."""
  for left in (2**32 - 62, 2**63 - 1):
    code, out = dump_of_one(b"VA 1 f0 t%d c1" % left)
    check("the dump of what has expired", (code, out[:8]), (0, b"ms k 1 T"))
    check(f"t{left} is past", int(out.split()[3][1:]) <= time.time())
  old, new = Server(folder), Server(folder)
  Client(old).say(b"set late 0 3000000000 1\r\nx\r\n")
  _, out, _ = run(DUMP, old.address)
  name = os.path.join(folder, "late")
  with open(name, "wb") as file:
    file.write(out)
  check("load of an item until 2065", run(LOAD, "--input=" + name,
                                          new.address)[0], 0)
  old.stop()
  new.stop()


def main():
  with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    between_servers(folder)
    files_and_options(folder)
    stalled_reader(folder)
    odd_times(folder)
    pipelines(folder)
    with_memcached(folder)
  print(f"{passed} passed, {failed} failed")
  return failed != 0


if __name__ == "__main__":
  sys.exit(main())
