#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""TLS from outside: cucached as a process, Python's ssl as the client.

Certificates are made here by the openssl tool, for an hour.  Skipped (77) if
cucached was built without TLS.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "conformance"))
from blackbox import free_port  # pylint: disable=wrong-import-position

warnings.filterwarnings("ignore", category=DeprecationWarning)
CUCACHED = os.environ.get("CUCACHED", "./cucached")
TIMEOUT = 60
COUNTS = {"passed": 0, "failed": 0}


def check(what, good):
  COUNTS["passed" if good else "failed"] += 1
  if not good:
    print("FAILED:", what)


def equal(what, got, wanted):
  check(f"{what}: {got!r:.200}, not {wanted!r:.200}", got == wanted)


class Files:
  """Certificates in a folder of their own."""

  def __init__(self):
    self.folder = tempfile.mkdtemp(prefix="cucache-tls-")
    self.authority("ca")
    self.authority("other")
    self.signed("server", "localhost", "ca")
    self.signed("second", "second.example", "ca")
    self.signed("client", "worker 7", "ca")
    self.signed("stranger", "nobody", "other")

  def path(self, name):
    return os.path.join(self.folder, name)

  def _openssl(self, *words):
    subprocess.run(["openssl", *words], check=True, cwd=self.folder,
                   timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)

  def _key(self, name):
    self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                  "rsa_keygen_bits:2048", "-out", name + ".key")

  def authority(self, name):
    self._key(name)
    self._openssl("req", "-x509", "-new", "-key", name + ".key", "-days", "1",
                  "-subj", "/CN=authority " + name, "-out", name + ".crt")

  def signed(self, name, common_name, by):
    self._key(name)
    self._openssl("req", "-new", "-key", name + ".key", "-subj",
                  "/CN=" + common_name, "-out", name + ".csr")
    self._openssl("x509", "-req", "-in", name + ".csr", "-CA", by + ".crt",
                  "-CAkey", by + ".key", "-CAcreateserial", "-days", "1",
                  "-out", name + ".crt")

  def clean(self):
    shutil.rmtree(self.folder)


FILES = Files()


class Server:
  """cucached with -Z, on one port unless `listen` says more."""

  def __init__(self, *options, listen="127.0.0.1:{}", ports=1, cert="server",
               key_file=True, program=CUCACHED, root=""):
    self.ports = [free_port() for _ in range(ports)]
    self.cert, self.key = FILES.path("live.crt"), FILES.path("live.key")
    self.use(cert)
    words = ["-U", "0", "-t", "2", "-Z", "-l", listen.format(*self.ports)]
    words += ["-o", "ssl_chain_cert=" + self.cert]
    if key_file:
      words += ["-o", "ssl_key=" + self.key]
    words += ["-o", "ssl_ca_cert=" + FILES.path("ca.crt")]
    if os.geteuid() == 0:
      words += ["-u", "root"]
    self.log = open(FILES.path("log"), "w+b")
    self.process = subprocess.Popen([program, *words, *options],
                                    env=dict(os.environ, CUCACHE_ROOT=root),
                                    stderr=self.log)
    for _ in range(1200):
      with contextlib.suppress(OSError):
        for port in self.ports:
          socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
        return
      time.sleep(0.05)
    raise RuntimeError("cucached does not listen")

  def use(self, name):
    shutil.copy(FILES.path(name + ".crt"), self.cert)
    shutil.copy(FILES.path(name + ".key"), self.key)

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self.process.terminate()
    try:
      code = self.process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
      self.process.kill()
      code = "killed"
    self.log.close()
    equal("exit code of the server", code, 0)


def context(low=ssl.TLSVersion.TLSv1_2, high=ssl.TLSVersion.TLSv1_3, cert=None):
  c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  c.check_hostname = False
  c.load_verify_locations(FILES.path("ca.crt"))
  c.minimum_version, c.maximum_version = low, high
  if cert:
    c.load_cert_chain(FILES.path(cert + ".crt"), FILES.path(cert + ".key"))
  return c


class Client:
  """A blocking client; `tls` is a context, or None for a plain one."""

  def __init__(self, server, tls=True, index=0, session=None):
    self.sock = socket.create_connection(
        ("127.0.0.1", server.ports[index]), TIMEOUT)
    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
      tls = context() if tls is True else tls
      try:
        self.sock = tls.wrap_socket(self.sock, session=session)
      except OSError:
        self.sock.close()
        raise
    self.file = self.sock.makefile("rb")

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self.file.close()
    self.sock.close()

  def ask(self, line):
    self.sock.sendall(line + b"\r\n")
    return self.file.readline().rstrip(b"\r\n")

  def set(self, key, value):
    return self.ask(b"set %s 0 0 %d\r\n%s" % (key, len(value), value))

  def get(self, key):
    head = self.ask(b"get " + key)
    if head == b"END":
      return None
    value = self.file.read(int(head.split()[-1]) + 2)[:-2]
    self.file.readline()
    return value

  def stats(self, which=b""):
    self.sock.sendall(b"stats " + which + b"\r\n")
    rows = {}
    while True:
      line = self.file.readline().decode().rstrip("\r\n")
      if line in ("END", ""):
        return rows
      _, name, value = line.split(" ", 2)
      rows[name] = value


def common_name(client):
  subject = client.sock.getpeercert()["subject"]
  return dict(pair[0] for pair in subject)["commonName"]


def until(question, answer):
  """Waits for that answer, for a while."""
  for _ in range(1200):
    if question() == answer:
      return
    time.sleep(0.05)


def refused(server, tls, index=0):
  """True if no command is answered: in TLS 1.3 the client ends first."""
  try:
    with Client(server, tls, index) as client:
      return client.ask(b"version") == b""
  except OSError:
    return True


# --- What is tested. ---


def test_handshake_and_commands():
  with Server() as server:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
      with Client(server, context(version, version)) as client:
        check("VERSION", client.ask(b"version").startswith(b"VERSION 1.6"))
        equal("set", client.set(b"a", b"value"), b"STORED")
        equal("get", client.get(b"a"), b"value")
    with Client(server) as client:
      stats = client.stats()
      equal("no errors", stats["ssl_handshake_errors"], "0")
      equal("no protocol errors", stats["ssl_proto_errors"], "0")
      check("the age of the certificates",
            0 <= int(stats["time_since_server_cert_refresh"]) < TIMEOUT)
      check("no session counter without a cache",
            "ssl_new_sessions" not in stats)


def test_large_values_and_pipelines():
  with Server("-m", "256", "-I", "16m") as server, Client(server) as client:
    for size in (1, 1000, 16383, 16384, 16385, 65536, 200000, 1 << 20,
                 5 << 20):
      value = os.urandom(size)
      equal(f"set of {size}", client.set(b"big", value), b"STORED")
      check(f"get of {size}", client.get(b"big") == value)
    # Many commands in one record, and one command in many records.
    n = 3000
    client.sock.sendall(b"".join(b"set k%d 0 0 4\r\n%04d\r\n" % (i, i)
                                 for i in range(n)))
    equal("pipelined sets", client.file.read(8 * n), b"STORED\r\n" * n)
    client.sock.sendall(b"".join(b"get k%d\r\n" % i for i in range(n)))
    wanted = b"".join(b"VALUE k%d 0 4\r\n%04d\r\nEND\r\n" % (i, i)
                      for i in range(n))
    check("pipelined gets", client.file.read(len(wanted)) == wanted)
    for byte in b"get k7\r\n":
      client.sock.sendall(bytes([byte]))
    equal("byte by byte", client.file.read(23), b"VALUE k7 0 4\r\n0007\r\nEND")
    client.file.readline()
    # Records that arrive together, of which a read takes two and a half, and
    # then nothing.
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for _ in range(3):
      client.sock.sendall(b"get none\r\n" * 550)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    check("nothing is left in OpenSSL",
          client.file.read(5 * 1650) == b"END\r\n" * 1650)
    # A command after a value, both inside of what OpenSSL has read ahead.
    client.sock.sendall(b"set v 0 0 70000\r\n" + b"x" * 70000 +
                        b"\r\nget k1\r\nversion\r\n")
    equal("behind a value", [client.file.readline() for _ in range(4)],
          [b"STORED\r\n", b"VALUE k1 0 4\r\n", b"0001\r\n", b"END\r\n"])
    check("the last one", client.file.readline().startswith(b"VERSION"))


class Records:
  """A client that sees the records in which its bytes come."""

  def __init__(self, server):
    self.raw = socket.create_connection(("127.0.0.1", server.ports[0]), TIMEOUT)
    self.incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    self.tls = context().wrap_bio(self.incoming, outgoing)
    self.outgoing = outgoing
    self.longest = 0
    while True:
      try:
        self.tls.do_handshake()
        break
      except ssl.SSLWantReadError:
        self.flush()
        self.incoming.write(self.raw.recv(65536))
    self.flush()
    self.file = self.raw.makefile("rb")

  def flush(self):
    self.raw.sendall(self.outgoing.read())

  def ask(self, line, size):
    self.tls.write(line)
    self.flush()
    data = b""
    while len(data) < size:
      head = self.file.read(5)
      length = int.from_bytes(head[3:5], "big")
      self.longest = max(self.longest, length)
      self.incoming.write(head + self.file.read(length))
      with contextlib.suppress(ssl.SSLWantReadError):
        while True:
          data += self.tls.read(65536)
    return data

  def close(self):
    self.file.close()
    self.raw.close()


def test_records():
  """ssl_wbuf_size is in kilobytes; more than 16 is 16."""
  for size, longest in ((1, 1024), (4, 4096), (16, 16384), (64, 16384)):
    with Server("-o", f"ssl_wbuf_size={size}") as server:
      with Client(server) as client:
        client.set(b"v", b"v" * 100000)
      records = Records(server)
      wanted = b"VALUE v 0 100000\r\n" + b"v" * 100000 + b"\r\nEND\r\n"
      check("the value", records.ask(b"get v\r\n", len(wanted)) == wanted)
      check(f"ssl_wbuf_size={size}: {records.longest}",
            longest <= records.longest <= longest + 256)
      records.close()


def test_a_slow_reader():
  """More output than the sockets take: short writes and their repetition."""
  with Server("-m", "256", "-I", "4m") as server, Client(server) as client:
    values = [os.urandom(size) for size in (3000000, 700, 20000, 300000)]
    for i, value in enumerate(values):
      equal("set", client.set(b"s%d" % i, value), b"STORED")
    order = [0, 1, 2, 1, 1, 3, 2, 0, 3, 1] * 3
    client.sock.sendall(b"".join(b"get s%d\r\n" % i for i in order))
    time.sleep(0.5)
    with Client(server) as other:
      check("others go on", other.ask(b"version").startswith(b"VERSION"))
    good = True
    for i in order:
      wanted = b"VALUE s%d 0 %d\r\n%s\r\nEND\r\n" % (
          i, len(values[i]), values[i])
      good = good and client.file.read(len(wanted)) == wanted
    check("everything arrives in order", good)
    equal("no errors", client.stats()["ssl_proto_errors"], "0")


def in_a_group(megabytes):
  """What makes a server believe to be in a control group of version 2."""
  root, program = FILES.path("root"), FILES.path("cucached-debug")
  for name, text in (("proc/self/cgroup", "0::/\n"),
                     ("proc/self/mountinfo", "1 0 0:27 / /cg - cgroup2 c rw\n"),
                     ("cg/memory.max", str(megabytes << 20))):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
      file.write(text)
  os.symlink(os.path.abspath(CUCACHED), program)
  return {"program": program, "root": root}


def sockets_of(server):
  """The kernel's figures of the server's connections: sizes and contents of
  their buffers, as `ss` calls them."""
  shown = subprocess.run(
      ["ss", "-Htmn", f"sport = :{server.ports[0]}"], check=True, timeout=TIMEOUT,
      capture_output=True, text=True).stdout
  return [{name: int(value) for name, value in
           re.findall(r"(rb|tb|r|w)(\d+)", group)}
          for group in re.findall(r"skmem:\(([^)]*)", shown)]


def test_bounded_sockets():
  """Y1 of src/base/memory_budget.h: what the kernel holds of a connection."""
  value = os.urandom(500000)
  with Server(**in_a_group(128)) as server, Client(server) as client:
    equal("socket_buffer", client.stats(b"settings")["socket_buffer"], "8192")
    equal("set", client.set(b"v", value), b"STORED")
    client.sock.sendall(b"get" + b" v" * 20 + b"\r\n")
    most = looks = 0
    if shutil.which("ss"):
      # At least 20 times; and the worker may be late.
      deadline = time.monotonic() + TIMEOUT
      while looks < 20 or most <= 8192 and time.monotonic() < deadline:
        looks += 1
        for figures in sockets_of(server):
          most = max(most, figures["w"])
          equal("buffers", (figures["tb"], figures["rb"]), (16384, 16384))
        time.sleep(0.02)
      check(f"holds {most} of output", 8192 < most < 3 * 8192 + 2048)
    wanted = b"VALUE v 0 500000\r\n" + value + b"\r\n"
    for i in range(20):
      check(f"value {i}", client.file.read(len(wanted)) == wanted)
    equal("the end", client.file.readline(), b"END\r\n")


def test_key_in_the_chain_file():
  with open(FILES.path("both.pem"), "wb") as both:
    for name in ("server.crt", "server.key"):
      with open(FILES.path(name), "rb") as part:
        both.write(part.read())
  with Server("-o", "ssl_chain_cert=" + FILES.path("both.pem"),
              key_file=False) as server, Client(server) as client:
    equal("its name", common_name(client), "localhost")


def test_half_closed():
  """The client's output ends, and it still gets what it asked for."""
  with Server() as server:
    raw = socket.create_connection(("127.0.0.1", server.ports[0]), TIMEOUT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(incoming, outgoing)
    while True:
      try:
        tls.do_handshake()
        break
      except ssl.SSLWantReadError:
        raw.sendall(outgoing.read())
        incoming.write(raw.recv(65536))
    tls.write(b"set h 0 0 2\r\nhi\r\nget h\r\n")
    with contextlib.suppress(ssl.SSLWantReadError):
      tls.unwrap()  # close_notify
    raw.sendall(outgoing.read())
    raw.shutdown(socket.SHUT_WR)
    data = b""
    while True:
      more = raw.recv(65536)
      if not more:
        break
      incoming.write(more)
    with contextlib.suppress(ssl.SSLError):
      while True:
        part = tls.read(65536)
        if not part:
          break
        data += part
    raw.close()
    equal("the answers", data,
          b"STORED\r\nVALUE h 0 2\r\nhi\r\nEND\r\n")


def test_reload():
  with Server() as server, Client(server) as old:
    equal("the first certificate", common_name(old), "localhost")
    server.use("second")
    with Client(server) as client:
      equal("nothing is read unasked", common_name(client), "localhost")
    equal("refresh_certs", old.ask(b"refresh_certs"), b"OK")
    with Client(server) as client:
      equal("the new one", common_name(client), "second.example")
    check("the old connection lives", old.set(b"x", b"1") == b"STORED")
    # SIGHUP does the same.
    server.use("server")
    server.process.send_signal(signal.SIGHUP)
    for _ in range(1200):
      with Client(server) as client:
        name = common_name(client)
      if name == "localhost":
        break
      time.sleep(0.05)
    equal("after SIGHUP", name, "localhost")
    # What does not work changes nothing.
    with open(server.key, "w", encoding="ascii") as key:
      key.write("no key\n")
    check("an error", old.ask(b"refresh_certs").startswith(b"Error loading"))
    with Client(server) as client:
      equal("the last one that worked", common_name(client), "localhost")
    shutil.copy(FILES.path("second.key"), server.key)
    check("a key of another certificate",
          old.ask(b"refresh_certs").startswith(b"Error"))
    equal("the old connection still lives", old.get(b"x"), b"1")


def resumed(server, tls, index=0):
  with Client(server, tls, index) as client:
    client.ask(b"version")  # TLS 1.3: the tickets have come
    session = client.sock.session
  with Client(server, tls, index, session) as client:
    client.ask(b"version")
    return client.sock.session_reused


def test_resumption():
  versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
  with Server("-o", "ssl_session_cache") as server:
    for version in versions:
      check(f"resumed in {version.name}",
            resumed(server, context(version, version)))
    by_id = context(versions[0], versions[0])
    by_id.options |= ssl.OP_NO_TICKET
    check("by the session's id", resumed(server, by_id))
    tls = context()
    with Client(server, tls) as client:
      check("they are counted", int(client.stats()["ssl_new_sessions"]) >= 3)
      session = client.sock.session
      equal("refresh_certs", client.ask(b"refresh_certs"), b"OK")
    with Client(server, tls, 0, session) as client:
      check("a reload ends the sessions", not client.sock.session_reused)
  with Server() as server:
    check("no resumption by id without the cache", not resumed(server, by_id))
  with Server("-o", "ssl_verify_mode=2") as server:
    check("with a client's certificate",
          resumed(server, context(cert="client")))


def test_minimum_version():
  with Server("-o", "ssl_min_version=3") as server:
    check("1.2 is refused", refused(
        server, context(high=ssl.TLSVersion.TLSv1_2)))
    with Client(server) as client:
      equal("1.3", client.sock.version(), "TLSv1.3")
      equal("counted", client.stats()["ssl_handshake_errors"], "1")
      equal("shown", client.stats(b"settings")["ssl_min_version"], "tlsv1.3")
  with Server("-o", "ssl_ciphers=ECDHE-RSA-AES128-GCM-SHA256") as server:
    with Client(server, context(high=ssl.TLSVersion.TLSv1_2)) as client:
      equal("the cipher", client.sock.cipher()[0],
            "ECDHE-RSA-AES128-GCM-SHA256")


def test_client_certificates():
  with Server("-o", "ssl_verify_mode=2") as server:
    check("none", refused(server, context()))
    check("of another authority", refused(server, context(cert="stranger")))
    with Client(server, context(cert="client")) as client:
      names = [value for name, value in client.stats(b"conns").items()
               if name.endswith(":peer_cn")]
      # A blank would make two words of it.
      equal("its name", names, ["worker?7"])
      equal("both are counted", client.stats()["ssl_handshake_errors"], "2")
      equal("shown", client.stats(b"settings")["ssl_verify_mode"], "3")
  with Server("-o", "ssl_verify_mode=1") as server:
    check("none is good", not refused(server, context()))
    check("a good one is good", not refused(server, context(cert="client")))
    check("a bad one is not", refused(server, context(cert="stranger")))
  with Server() as server:
    check("nobody asks", not refused(server, context(cert="stranger")))


def test_ports():
  listen = "notls:127.0.0.1:{},127.0.0.1:{},btls:127.0.0.1:{},mtls:127.0.0.1:{}"
  with Server("-o", "ssl_verify_mode=1", listen=listen, ports=4) as server:
    with Client(server, None, 0) as plain, Client(server, True, 1) as client:
      equal("set over TLS", client.set(b"p", b"1"), b"STORED")
      equal("get without", plain.get(b"p"), b"1")
    stranger, known = context(cert="stranger"), context(cert="client")
    check("default: verified", refused(server, stranger, 1))
    check("btls: no certificate", not refused(server, context(), 2))
    check("btls: nobody looks", not refused(server, stranger, 2))
    check("mtls: no certificate", refused(server, context(), 3))
    check("mtls: a wrong one", refused(server, stranger, 3))
    check("mtls: a good one", not refused(server, known, 3))
    # A session of the port that asks for nothing is worth nothing at mtls.
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
      tls = context(version, version)
      with Client(server, tls, 2) as client:
        client.ask(b"version")
        session = client.sock.session
      good = False
      with contextlib.suppress(OSError):
        with Client(server, tls, 3, session) as client:
          good = client.ask(b"version") != b""
      check(f"{version.name}: a session from btls does not open mtls",
            not good)


def test_wrong_clients():
  listen = "127.0.0.1:{},notls:127.0.0.1:{}"
  with Server(listen=listen, ports=2) as server:
    with Client(server, None, 0) as plain:
      equal("a plain client is told", plain.ask(b"version"),
            b"CLIENT_ERROR this port speaks TLS only")
      equal("and sent away", plain.file.read(), b"")
    # Nobody who said nothing is counted, nor who goes without a farewell.
    for _ in range(3):
      socket.create_connection(("127.0.0.1", server.ports[0]), TIMEOUT).close()
    client = Client(server)
    client.ask(b"version")
    client.file.close()
    socket.socket(fileno=client.sock.detach()).close()  # no close_notify
    with Client(server) as client:
      until(lambda: client.stats()["curr_connections"], "1")
      equal("counted", client.stats()["ssl_handshake_errors"], "1")
      equal("no error", client.stats()["ssl_proto_errors"], "0")
    # Half a handshake, then gone; rubbish after the first byte; nothing.
    for start in (b"\x16\x03\x01\x02\x00\x01", b"\x16" + os.urandom(600), b""):
      sock = socket.create_connection(
          ("127.0.0.1", server.ports[0]), TIMEOUT)
      sock.sendall(start)
      sock.close()
    # TLS at a plain port gets no answer that it could take for one.
    sock = socket.create_connection(("127.0.0.1", server.ports[1]), TIMEOUT)
    sock.settimeout(1)
    try:
      context().wrap_socket(sock)
      check("no TLS at a plain port", False)
    except OSError:
      check("no TLS at a plain port", True)
    finally:
      sock.close()
    # A broken record in the middle of a connection.
    with Client(server) as client:
      client.ask(b"version")
      raw = socket.socket(fileno=os.dup(client.sock.fileno()))
      raw.settimeout(TIMEOUT)
      raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
      raw.close()
      gone = False
      try:
        gone = client.file.read() == b""
      except OSError:
        gone = True
      check("a broken record ends the connection", gone)
    with Client(server) as client:
      equal("it is counted", client.stats()["ssl_proto_errors"], "1")
      # The client sees the end before it is counted.
      until(lambda: client.stats()["curr_connections"], "1")
      equal("nothing is left", client.stats()["curr_connections"], "1")


def test_watch():
  """A watcher over TLS, and what it is told of TLS."""

  def told(watcher, kind):
    line = watcher.file.readline().decode()
    if f"type={kind} " not in line:
      check(f"{kind}, not {line}", False)
    return line

  with Server() as server:
    with Client(server) as client, Client(server) as watcher:
      client.ask(b"version")
      equal("watch", watcher.ask(b"watch fetchers connevents"), b"OK")
      client.get(b"nothing")
      check("a fetch", "key=nothing" in told(watcher, "item_get"))
      with Client(server, None) as plain:
        plain.ask(b"version")
      line = told(watcher, "conntlserr")
      check(line, re.search(
          r"ts=\d+\.\d+ gid=\d+ type=conntlserr fd=\d+ msg=\S", line))
      check("no version in common", refused(server, context(
          ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)))
      told(watcher, "conntlserr")
      with Client(server) as broken:
        broken.ask(b"version")
        told(watcher, "conn_new")
        raw = socket.socket(fileno=os.dup(broken.sock.fileno()))
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
        raw.close()
        line = told(watcher, "conntlserr")
        check(line, "mac" in line or "record" in line)
        check("closed", "reason=error" in told(watcher, "conn_close"))
      with Client(server) as gone:
        gone.ask(b"version")
        told(watcher, "conn_new")
      check("nothing wrong", "reason=normal" in told(watcher, "conn_close"))
      check("it is counted",
            client.stats()["log_watcher_sent"] not in ("", "0"))


def test_handshakes_do_not_stall():
  """While nobody finishes, and while many hurry, a client is served."""
  with Server("-t", "1") as server, Client(server) as client:
    client.set(b"k", b"v")
    silent = [socket.create_connection(("127.0.0.1", server.ports[0]), TIMEOUT)
              for _ in range(100)]
    for sock in silent[:50]:
      sock.sendall(b"\x16\x03\x01")
    equal("among the silent", client.get(b"k"), b"v")
    stop = threading.Event()

    def hurry():
      tls = context()
      while not stop.is_set():
        Client(server, tls).__exit__()

    threads = [threading.Thread(target=hurry) for _ in range(4)]
    for thread in threads:
      thread.start()
    good = all(client.get(b"k") == b"v" for _ in range(300))
    stop.set()
    for thread in threads:
      thread.join()
    check("among those who hurry", good)
    for sock in silent:
      sock.close()
    for _ in range(1200):
      if client.stats()["curr_connections"] == "1":
        break
      time.sleep(0.05)
    equal("all are gone", client.stats()["curr_connections"], "1")


def fails(*options):
  """What cucached says when it does not start."""
  run = subprocess.run(
      [CUCACHED, "-u", "root", "-U", "0", "-l", f"127.0.0.1:{free_port()}",
       *options], stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
  return run.returncode, run.stderr.decode()


def test_options():
  cert = "ssl_chain_cert=" + FILES.path("server.crt")
  for options, wanted in (
      (["-Z"], "ssl_chain_cert"),
      (["-Z", "-o", "ssl_chain_cert=/nowhere"], "/nowhere"),
      (["-Z", "-o", cert], "key"),
      (["-Z", "-o", cert, "-o", "ssl_key=" + FILES.path("second.key")],
       "Error"),
      (["-Z", "-o", cert, "-o", "ssl_key=" + FILES.path("server.key"), "-o",
        "ssl_ca_cert=/nowhere"], "/nowhere"),
      (["-Z", "-o", cert, "-o", "ssl_key=" + FILES.path("server.key"), "-o",
        "ssl_ciphers=nonsense"], "nonsense"),
      (["-o", "ssl_kernel_tls"], "ssl_kernel_tls"),
      (["-o", "ssl_verify_mode=4"], "ssl_verify_mode"),
      (["-o", "ssl_min_version=9"], "ssl_min_version"),
      (["-o", "ssl_wbuf_size=0"], "ssl_wbuf_size"),
      (["-o", "ssl_wbuf_size=1048577"], "ssl_wbuf_size"),
      (["-o", "ssl_keyformat=ENGINE"], "ssl_keyformat"),
      (["-Z", "-o", cert, "-o", "ssl_key=" + FILES.path("server.key"), "-s",
        FILES.path("socket")], "-Z needs a TCP port"),
      (["-Z", "-o", cert, "-o", "ssl_key=" + FILES.path("server.key"), "-U",
        "11211"], "UDP"),
      (["-l", "notls:127.0.0.1:0"], "-Z")):
    code, text = fails(*options)
    # As memcached: 64, whatever is wrong with the files.
    check(f"{options}: {code} {text}",
          (code == 64 or code != 0 and options[0] != "-Z") and
          wanted in text and text.count("\n") == 1)


class Silent(threading.Thread):
  """Who begins a handshake and says no more, while the other tests run."""

  def __init__(self):
    super().__init__()
    self.server = Server()  # and it has read the files that a reload replaces

  def run(self):
    with self.server as server:
      began = time.monotonic()
      sock = socket.create_connection(("127.0.0.1", server.ports[0]), TIMEOUT)
      sock.sendall(b"\x16\x03\x01")
      end = sock.recv(1)
      equal("its end", end, b"")
      took = time.monotonic() - began
      check(f"a handshake has 10 seconds: {took}", took > 9)
      with Client(server) as client:
        equal("no client of that kind is counted",
              client.stats()["ssl_handshake_errors"], "0")


def need_tls():
  usage = subprocess.run([CUCACHED, "-h"], stdout=subprocess.PIPE,
                         timeout=TIMEOUT, check=True).stdout.decode()
  if "enable-ssl" not in usage:
    print("cucached was built without TLS")
    sys.exit(77)


def run_tests(tests):
  """Those of `tests` whose names match the first argument."""
  wanted = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
  for name, test in list(tests.items()):
    if not name.startswith("test_") or not wanted.search(name):
      continue
    start = time.time()
    try:
      test()
    except Exception as error:  # pylint: disable=broad-except
      check(f"{name} ended with {error!r}", False)
    print(f"{name}: {time.time() - start:.1f} s", flush=True)


def finish():
  print(f"{COUNTS['passed']} passed, {COUNTS['failed']} failed")
  sys.exit(1 if COUNTS["failed"] else 0)


def main():
  need_tls()
  silent = Silent() if len(sys.argv) == 1 else None
  if silent:
    silent.start()
  run_tests(globals())
  if silent:
    silent.join()
  finish()


if __name__ == "__main__":
  try:
    main()
  finally:
    FILES.clean()
