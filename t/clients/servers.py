# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The servers that clients are tried with: TLS, SASL, a file of users."""

import functools
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile

import blackbox

USER, PASSWORD = "franz", "a secret:word"
SASL_PASSWORD = PASSWORD.replace(":", " ")
WRONG = "another"


class Files:
  """A folder with certificates for an hour, and with passwords."""

  def __init__(self):
    self.folder = tempfile.mkdtemp(prefix="cucache-clients-")
    self._authority("ca")
    self._authority("stranger")
    self._certificate()
    # A colon ends the password in memcached's file for SASL, and memcached
    # wants the host, which the library appends.
    self._write("sasl-users", f"{USER}@{socket.gethostname()}:"
                f"{SASL_PASSWORD}\n")
    self._write("users", f"{USER}:{PASSWORD}\n")
    self._write("memcached.conf", "mech_list: plain\n")

  def path(self, name):
    return os.path.join(self.folder, name)

  def remove(self):
    shutil.rmtree(self.folder)

  def _write(self, name, text):
    with open(self.path(name), "w", encoding="ascii") as out:
      out.write(text)

  def _openssl(self, *words):
    subprocess.run(["openssl", *words], check=True, cwd=self.folder,
                   timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)

  def _key(self, name):
    self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-out", name + ".key")

  def _authority(self, name):
    self._key(name)
    self._openssl("req", "-x509", "-new", "-key", name + ".key", "-days", "1",
                  "-subj", "/CN=authority " + name, "-out", name + ".crt")

  def _certificate(self):
    self._key("server")
    self._write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    self._openssl("req", "-new", "-key", "server.key", "-subj",
                  "/CN=localhost", "-out", "server.csr")
    self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt",
                  "-CAkey", "ca.key", "-CAcreateserial", "-days", "1",
                  "-extfile", "names", "-out", "server.crt")


FILES = Files()


@functools.lru_cache(None)
def need(path, option):
  """Skipped if this build knows the option only by name."""
  said = subprocess.run(
      [path, option, "-p", "0", "-s", "/nonexistent/x", "-u", "root"],
      capture_output=True, timeout=blackbox.TIMEOUT, check=False).stderr
  if b"not built with" in said:
    raise blackbox.Skipped(said.decode().strip())


class TlsDaemon(blackbox.Daemon):

  def __init__(self, path, args=(), **options):
    chain = "ssl_chain_cert=" + FILES.path("server.crt")
    key = "ssl_key=" + FILES.path("server.key")
    super().__init__(path, ["-Z", "-o", chain, "-o", key, *args], **options)

  def start(self):
    need(self.path, "-Z")
    super().start()

  def connect(self, **options):
    conn = super().connect(**options)
    context = ssl.create_default_context(cafile=FILES.path("ca.crt"))
    try:
      conn.sock = context.wrap_socket(conn.sock, server_hostname="localhost")
    except OSError:
      conn.close()
      raise
    return conn


class UsersDaemon(blackbox.Daemon):
  """-Y: text only, and nothing before the login."""

  def __init__(self, path, args=(), **options):
    super().__init__(path, ["-Y", FILES.path("users"), *args], **options)

  def greets(self, timeout=None):
    with self.connect(timeout=timeout) as conn:
      return conn.ask(b"get x\r\n") == b"CLIENT_ERROR unauthenticated\r\n"


class TlsUsersDaemon(TlsDaemon, UsersDaemon):
  """Both."""


class SaslDaemon(blackbox.Daemon):
  """-S: binary only, and nothing before the login."""

  environment = {"SASL_CONF_PATH": FILES.folder,
                 "MEMCACHED_SASL_PWDB": FILES.path("sasl-users")}

  def __init__(self, path, args=(), **options):
    super().__init__(path, ["-S", *args], **options)

  def start(self):
    need(self.path, "-S")
    super().start()

  def greets(self, timeout=None):
    """The list of its mechanisms."""
    with self.connect(timeout=timeout) as conn:
      conn.send(b"\x80\x20" + bytes(22))
      head = conn.read(24)
      if len(head) < 24:
        return False
      size, = struct.unpack(">I", head[8:12])
      return conn.read(size) == b"PLAIN"


class TlsSaslDaemon(TlsDaemon, SaslDaemon):
  """Both."""
