#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""cucached-dump and cucached-load over TLS: what they copy, whom they believe.

Skipped (77) if cucached was built without TLS.
"""

import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
import tls_test
from tls_test import Client, FILES, Server, check, equal

HERE = os.path.dirname(os.path.abspath(tls_test.CUCACHED))
DUMP = os.path.join(HERE, "cucached-dump")
LOAD = os.path.join(HERE, "cucached-load")
TLS = ["--tls", "--tls-ca=" + FILES.path("ca.crt")]
OWN = ["--tls-cert=" + FILES.path("client.crt"),
       "--tls-key=" + FILES.path("client.key")]


def run(*command, data=b""):
  done = subprocess.run(command, input=data, capture_output=True, timeout=120,
                        check=False)
  return done.returncode, done.stdout, done.stderr.decode()


def fails(what, code, words, *command):
  got, _, says = run(*command)
  check(f"{what}: {got}, {says}", got == code and words in says)


def name(server, index=0):
  """The name that the certificate has; the address would be another one."""
  return f"localhost:{server.ports[index]}"


def address(server, index=0):
  return f"127.0.0.1:{server.ports[index]}"


def test_copy():
  values = {b"k%d" % i: os.urandom(i % 3000) for i in range(5000)}
  values[b"large"] = os.urandom(9 << 20)
  with Server("-m", "128", "-I", "16m") as server:
    with Client(server) as client:
      for key, value in values.items():
        client.set(key, value)
    code, dump, says = run(DUMP, *TLS, name(server))
    check(f"dump: {code}, {says}", code == 0 and dump.endswith(b"\r\nEN\r\n"))
    with Client(server) as client:
      client.ask(b"flush_all")
    time.sleep(1.1)  # it kills what is as old as itself
    code, _, says = run(LOAD, *TLS, name(server), data=dump)
    check(f"load: {code}, {says}", code == 0 and "5001 stored" in says)
    with Client(server) as client:
      check("everything is there",
            all(client.get(key) == value for key, value in values.items()))


def test_whom_they_believe():
  other = "--tls-ca=" + FILES.path("other.crt")
  for program in (DUMP, LOAD):
    with Server() as server:
      fails("another authority", 2, "its certificate:", program, "--tls", other,
            name(server))
      fails("the system's authorities", 2, "its certificate:", program, "--tls",
            name(server))
      fails("another name", 2, "mismatch", program, *TLS, address(server))
      fails("no such file", 2, "/nowhere", program, "--tls",
            "--tls-ca=/nowhere", name(server))
      fails("a key of somebody else", 2, FILES.path("other.key"), program, *TLS,
            OWN[0], "--tls-key=" + FILES.path("other.key"), name(server))
      fails("without TLS", 2, "TLS only", program, address(server))
      equal("whoever answers", run(program, "--tls", "--tls-insecure",
                                   address(server), data=b"EN\r\n")[0], 0)


def test_who_they_are():
  users = FILES.path("users")
  with open(users, "w", encoding="ascii") as file:
    file.write("worker:secret\n")
  with Server("-o", "ssl_verify_mode=2", "-Y", users) as server:
    check("no certificate", run(DUMP, *TLS, name(server))[0] == 2)
    fails("no password", 2, "unauthenticated", DUMP, *TLS, *OWN, name(server))
    code, dump, says = run(DUMP, *TLS, *OWN, "--auth-file=" + users,
                           name(server))
    equal(f"both: {says}", (code, dump), (0, b"EN\r\n"))


def test_options():
  for words in (["--tls-ca=x", "localhost"], ["--tls-insecure", "localhost"],
                ["--tls", "--tls-key=x", "localhost"],
                ["--tls", "--tls-insecure", "--tls-ca=x", "localhost"],
                ["--tls", "/socket"], ["--tls", "unix:/socket"]):
    for program in (DUMP, LOAD):
      code, _, says = run(program, *words)
      check(f"{words}: {code}, {says}", code == 1 and says.count("\n") == 1)


class NoTls(threading.Thread):
  """A server without TLS does not answer a handshake, and is given up."""

  def __init__(self):
    super().__init__()
    listen = "127.0.0.1:{},notls:127.0.0.1:{}"
    self.server = Server(listen=listen, ports=2)  # it has read its files now

  def run(self):
    with self.server as server:
      fails("no TLS there", 2, "does it speak TLS?", DUMP, *TLS,
            name(server, 1))


def main():
  tls_test.need_tls()
  no_tls = NoTls()
  no_tls.start()
  tls_test.run_tests(globals())
  no_tls.join()
  tls_test.finish()


if __name__ == "__main__":
  try:
    main()
  finally:
    FILES.clean()
