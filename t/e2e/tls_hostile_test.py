#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""TLS clients that mean no good: what they cost the others, and the memory.

Skipped (77) if cucached was built without TLS.
"""

import contextlib
import ctypes
import os
import random
import signal
import socket
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
import tls_test
from blackbox import sanitized
from tls_test import Client, FILES, TIMEOUT, check, context, equal, until

PORTS = {"listen": "127.0.0.1:{},notls:127.0.0.1:{}", "ports": 2}


class Server(tls_test.Server):
  """One worker, with a port for TLS and one without."""

  def __init__(self, *options):
    super().__init__("-t", "1", *options, **PORTS)

  def resident_kb(self):
    with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
      return next(int(line.split()[1]) for line in file
                  if line.startswith("VmRSS"))

  def raw(self):
    return socket.create_connection(("127.0.0.1", self.ports[0]), TIMEOUT)

  def stat(self, name):
    with Client(self, None, 1) as client:
      return client.stats()[name]


def small(what, kilobytes, limit):
  if not sanitized(tls_test.CUCACHED):
    check(f"{what}: {kilobytes} KB more", kilobytes < limit)


def served(what, client, times=200):
  check(what, all(client.get(b"k") == b"v" for _ in range(times)))


class LibSsl:
  """What Python's ssl cannot do: new keys in TLS 1.3."""

  def __init__(self, server):
    self.lib = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
      getattr(self.lib, name).restype = ctypes.c_void_p
    pointer = ctypes.c_void_p
    self.sock = server.raw()
    self.sock.settimeout(None)
    ctx = pointer(self.lib.SSL_CTX_new(pointer(self.lib.TLS_client_method())))
    self.ssl = pointer(self.lib.SSL_new(ctx))
    self.lib.SSL_set_fd(self.ssl, self.sock.fileno())
    check("handshake", self.lib.SSL_connect(self.ssl) == 1)

  def new_keys(self, answer=False):
    return (self.lib.SSL_key_update(self.ssl, int(answer)) == 1 and
            self.lib.SSL_do_handshake(self.ssl) == 1)

  def ask(self, line):
    data = line + b"\r\n"
    self.lib.SSL_write(self.ssl, data, len(data))
    reply = ctypes.create_string_buffer(1000)
    size = self.lib.SSL_read(self.ssl, reply, 1000)
    return reply.raw[:max(0, size)]


# --- What is tested. ---


def test_new_keys_without_end():
  """Each costs the worker 10 us, and OpenSSL goes on while they come."""
  with Server() as server, Client(server, None, 1) as client:
    client.set(b"k", b"v")
    good = LibSsl(server)
    for i in range(100):
      check("new keys", good.new_keys(i % 2 == 1) and good.new_keys())
      equal("with data in between", good.ask(b"mn"), b"MN\r\n")
    for answer in (False, True):
      bad = LibSsl(server)
      deadline = time.monotonic() + TIMEOUT
      while bad.new_keys(answer) and time.monotonic() < deadline:
        pass
      check("it is sent away", time.monotonic() < deadline)
      served("among new keys", client)
    until(lambda: server.stat("ssl_proto_errors"), "2")
    equal("counted", server.stat("ssl_proto_errors"), "2")
    equal("the good one is still there", good.ask(b"mn"), b"MN\r\n")


def test_half_handshakes():
  with Server("-c", "3000") as server, Client(server, None, 1) as client:
    client.set(b"k", b"v")
    before = server.resident_kb()
    socks = [server.raw() for _ in range(2000)]
    for number, sock in enumerate(socks):
      # A head; the head of the longest greeting there may be.
      sock.sendall((b"\x16\x03\x01", b"\x16\x03\x01\x40\0\1\1\xff\xf0")
                   [number % 2])
    served("among half handshakes", client)
    with Client(server) as late:
      served("who comes after them", late)
    small("2,000 half handshakes", server.resident_kb() - before, 2000 * 60)
    for sock in socks:
      sock.close()
    until(lambda: server.stat("curr_connections"), "2")
    for _ in range(100):
      if server.resident_kb() - before < 32 * 1024:
        break
      time.sleep(0.05)
    small("when they are gone", server.resident_kb() - before, 32 * 1024)


def test_slow_handshakes():
  """A byte now and then does not keep a handshake alive."""
  incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
  with contextlib.suppress(ssl.SSLWantReadError):
    context().wrap_bio(incoming, outgoing).do_handshake()
  hello = outgoing.read()
  with Server() as server:
    sock, began = server.raw(), time.monotonic()
    for byte in hello:
      try:
        sock.sendall(bytes([byte]))
      except OSError:
        break
      time.sleep(0.25)
    took = time.monotonic() - began
    check(f"its end after {took:.0f} s", 9 < took < 30)
    sock.close()


def test_no_reads():
  """100 MB of requests from a client that takes no answer."""
  with Server("-m", "64") as server, Client(server) as client:
    client.set(b"k", b"v")
    client.set(b"big", b"x" * 100000)
    before = server.resident_kb()
    greedy = []
    for line in (b"get big\r\n", b"mn\r\n", b"get nothing\r\n",
                 b"set s 0 0 1000\r\n" + b"y" * 1000 + b"\r\n") * 3:
      other = Client(server)
      other.sock.settimeout(0.3)
      batch, sent = line * (65536 // len(line)), 0
      with contextlib.suppress(OSError):
        while sent < 100e6:
          sent += other.sock.send(batch)
      greedy.append(other)
    served("among the greedy", client)
    small("12 of them", server.resident_kb() - before, 16 * 1024)
    for other in greedy:
      other.__exit__()


def test_gone_in_the_middle():
  """Without a farewell, some with a reset, in the middle of a value."""
  with Server() as server:
    with Client(server) as client:
      client.set(b"half", b"whole")
    before = server.resident_kb()
    for number in range(200):
      other = Client(server)
      other.sock.sendall(b"set half 0 0 100000\r\n" +
                         b"q" * random.randrange(99999))
      if number % 2:
        other.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
      other.file.close()
      socket.socket(fileno=other.sock.detach()).close()
    until(lambda: server.stat("curr_connections"), "1")
    with Client(server) as client:
      check("no half value", client.get(b"half") in (None, b"whole"))
    small("200 half values", server.resident_kb() - before, 16 * 1024)


class Reloads:
  """Files that are written, torn and removed, and read all the time."""

  def __init__(self, server):
    self.server, self.stop = server, threading.Event()
    self.problems, self.reloads = [], 0
    self.threads = [threading.Thread(target=self.until_stopped, args=(task,))
                    for task in (self.files, self.command, self.hang_up,
                                 self.traffic, self.traffic)]
    for thread in self.threads:
      thread.start()

  def until_stopped(self, task):
    try:
      while not self.stop.is_set():
        task()
    except Exception as error:  # pylint: disable=broad-except
      self.problems.append(repr(error))

  def files(self):
    name = random.choice(("server", "second"))
    for end in (".crt", ".key"):
      with open(FILES.path(name + end), "rb") as file:
        data = file.read()
      with open(FILES.path("live" + end), "wb") as file:
        file.write(data[:len(data) // 2])
        file.flush()
        time.sleep(random.random() / 100)
        file.write(data[len(data) // 2:])
    if random.random() < 0.3:
      os.unlink(self.server.key)
    time.sleep(random.random() / 50)

  def command(self):
    with Client(self.server, None, 1) as client:
      reply = client.ask(b"refresh_certs")
    self.reloads += reply == b"OK"
    if reply != b"OK" and not reply.startswith(b"Error"):
      self.problems.append(reply)

  def hang_up(self):
    self.server.process.send_signal(signal.SIGHUP)
    time.sleep(0.005)

  def traffic(self):
    with Client(self.server) as client:
      for _ in range(20):
        client.set(b"k", b"v")
        if client.get(b"k") != b"v":
          self.problems.append("a wrong value")

  def end(self):
    self.stop.set()
    for thread in self.threads:
      thread.join()


def test_idle_in_the_queue():
  """Who sends a line of keys that never ends says much and asks for nothing.

  The records do not fit what the worker reads at a time, so that often some of
  one is left, and the connection stands in the queue for another turn.
  """
  def stream(client):
    with contextlib.suppress(OSError):
      client.sock.sendall(b"get a" + b" " * 4000)
      while time.monotonic() < end:
        client.sock.sendall(b" " * 16284 + b"k" * 100)

  with Server("-o", "idle_timeout=1") as server, contextlib.ExitStack() as stack:
    end = time.monotonic() + 5
    threads = [threading.Thread(
        target=stream, args=(stack.enter_context(Client(server)),))
               for _ in range(4)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
    with Client(server, None, 1) as client:
      equal("still there", client.ask(b"mn"), b"MN")


def test_reloads_without_end():
  with Server("-t", "2") as server:
    before = server.resident_kb()
    reloads = Reloads(server)
    time.sleep(4)
    reloads.end()
    equal("problems", reloads.problems, [])
    check("some of them worked", reloads.reloads > 0)
    small("after them", server.resident_kb() - before, 24 * 1024)
    server.use("second")
    with Client(server, None, 1) as client:
      equal("the last one", client.ask(b"refresh_certs"), b"OK")
    with Client(server) as client:
      equal("is used", tls_test.common_name(client), "second.example")


if __name__ == "__main__":
  try:
    tls_test.need_tls()
    tls_test.run_tests(globals())
    tls_test.finish()
  finally:
    FILES.clean()
