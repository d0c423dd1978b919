#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Does the load generator notice what is wrong? It is run against a small
server in this file that can be told to answer wrongly.

Usage: test_load.py PATH_OF_CUCACHE_LOAD
"""

import contextlib
import json
import socketserver
import struct
import subprocess
import sys
import threading
import time
import unittest

LOAD = None


class Store:
    """What the server knows, and what is wrong with it."""

    def __init__(self):
        self.values = {}
        self.corrupt = lambda key, value: value
        self.pause_at = None  # seconds after the first get
        self.first_get = None
        self.lock = threading.Lock()

    def get(self, key):
        with self.lock:
            now = time.monotonic()
            self.first_get = self.first_get or now
            if self.pause_at and now - self.first_get > self.pause_at:
                self.pause_at = None
                time.sleep(0.3)
        value = self.values.get(key)
        return None if value is None else self.corrupt(key, value)


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.wfile = self.connection.makefile("wb", 65536)

    def handle(self):
        first = self.rfile.peek(1)[:1]
        step = self.binary if first == b"\x80" else self.line
        try:
            while step():
                self.wfile.flush()
        except (ConnectionError, ValueError):
            pass  # the other side has seen enough

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def line(self):
        words = self.rfile.readline().split()
        if not words:
            return False
        answer = getattr(self, "do_" + words[0].decode())
        return answer(words) is None

    def do_get(self, words):
        for key in words[1:]:
            value = self.server.store.get(key)
            if value is not None:
                self.wfile.write(b"VALUE %s 0 %d\r\n%s\r\n"
                                 % (key, len(value), value))
        self.wfile.write(b"END\r\n")

    def do_mg(self, words):
        value = self.server.store.get(words[1])
        if value is not None:
            key = b" k" + words[1] if b"k" in words[2:] else b""
            self.wfile.write(b"VA %d%s\r\n%s\r\n" % (len(value), key, value))
        elif b"q" not in words[2:]:
            self.wfile.write(b"EN\r\n")

    def do_mn(self, words):
        self.wfile.write(b"MN\r\n")

    def do_set(self, words):
        self.store(words[1], int(words[4]))
        if words[-1] != b"noreply":
            self.wfile.write(b"STORED\r\n")

    def do_ms(self, words):
        self.store(words[1], int(words[2]))
        if b"q" not in words[3:]:
            self.wfile.write(b"HD\r\n")

    def store(self, key, size):
        self.server.store.values[key] = self.rfile.read(size + 2)[:-2]

    def binary(self):
        head = self.rfile.read(24)
        if len(head) < 24:
            return False
        _, op, key_size, extras, _, _, size, opaque, _ = struct.unpack(
            ">BBHBBHIIQ", head)
        body = self.rfile.read(size)
        key, value = body[extras:extras + key_size], body[extras + key_size:]
        if op in (0x00, 0x09):
            found = self.server.store.get(key)
            if found is not None:
                self.reply(op, 0, opaque, b"\0\0\0\0" + found, 4)
            elif op == 0x00:
                self.reply(op, 1, opaque, b"Not found")
            return True
        if op in (0x01, 0x11):
            self.server.store.values[key] = value
        if op != 0x11:
            self.reply(op, 0, opaque)
        return True

    def reply(self, op, status, opaque, body=b"", extras=0):
        self.wfile.write(struct.pack(">BBHBBHIIQ", 0x81, op, 0, extras, 0,
                                     status, len(body), opaque, 0) + body)


class LoadTest(unittest.TestCase):
    KEYS = 100

    def setUp(self):
        socketserver.ThreadingTCPServer.daemon_threads = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.store = self.store = Store()
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def load(self, *arguments, code=0):
        done = subprocess.run(
            [LOAD, f"--port={self.server.server_address[1]}",
             f"--keys={self.KEYS}", "--connections=3", "--check=1",
             *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.message = done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def fill(self, *arguments):
        self.load("--op=load", "--pipeline=10", *arguments)
        self.assertEqual(len(self.store.values), self.KEYS)

    GETS = (("--op=get",), ("--op=get", "--pipeline=7"),
            ("--op=get", "--keys_per_get=5"), ("--op=get", "--protocol=meta"),
            ("--op=get", "--protocol=binary"),
            ("--op=getq", "--protocol=meta", "--keys_per_get=5"),
            ("--op=getq", "--protocol=binary", "--keys_per_get=5"))

    def gets(self, *arguments, code=0, gets=GETS):
        for get in gets:
            with self.subTest(get=get):
                yield self.load(*get, "--requests=500", *arguments, code=code)

    def test_right_values_are_right(self):
        for size in (0, 1, 7, 32, 1000, 300000):
            self.fill(f"--value_size={size}")
            for done in self.gets("--expect_hits", f"--value_size={size}",
                                  gets=self.GETS if size < 1000
                                  else self.GETS[:1]):
                self.assertGreaterEqual(done["hits"], 500)
                self.assertEqual(done["checked"], done["hits"])

    def test_each_way_to_store(self):
        for protocol in ("text", "meta", "binary"):
            for op in ("set", "load"):
                self.store.values.clear()
                self.load(f"--op={op}", f"--protocol={protocol}",
                          "--dist=seq", "--requests=100", "--pipeline=9")
                self.assertEqual(len(self.store.values), self.KEYS)
                self.load("--requests=200", "--expect_hits")

    def test_one_wrong_bit(self):
        self.fill()

        def flip(key, value):
            if not key.endswith(b"42"):
                return value
            return value[:-1] + bytes([value[-1] ^ 1])
        self.store.corrupt = flip
        for _ in self.gets("--dist=seq", code=1):
            self.assertIn("wrong value for key number 42", self.message)

    def test_value_of_another_key(self):
        self.fill()
        other = self.store.values[b"k000000000000007"]
        self.store.corrupt = (lambda key, value: other
                              if key.endswith(b"42") else value)
        for _ in self.gets("--dist=seq", code=1):
            self.assertIn("wrong value for key number 42", self.message)

    def test_torn_value(self):
        self.fill("--value_size=200")
        old = dict(self.store.values)
        self.fill("--value_size=200")  # each run numbers its values anew
        self.store.corrupt = lambda key, value: value[:96] + old[key][96:]
        for _ in self.gets("--value_size=200", "--dist=seq", code=1):
            self.assertIn("wrong value", self.message)

    def test_value_of_another_size(self):
        self.fill()
        for change in (lambda v: v[:-1], lambda v: v + b"x"):
            self.store.corrupt = lambda key, value: change(value)
            for _ in self.gets(code=1):
                self.assertIn("wrong reply", self.message)

    def test_lost_key(self):
        self.fill()
        del self.store.values[b"k000000000000042"]
        for done in self.gets("--dist=seq", "--expect_hits", code=1):
            self.assertGreater(done["misses"], 0)

    def test_unexpected_hit(self):
        self.fill()
        self.load("--expect_misses", "--requests=10", code=1)
        self.load("--expect_misses", "--requests=10", "--key_base=1000")

    def test_refused_words(self):
        for arguments in (("--op=nonsense",), ("--protocol=x",),
                          ("--threads=9",), ("--value_size=-1",),
                          ("--op=getq",), ("stray",)):
            self.load(*arguments, code=3)

    def test_no_server(self):
        self.server.shutdown()
        self.server.server_close()
        self.load("--requests=10", code=2)

    def test_open_loop_counts_from_when_it_was_due(self):
        self.fill()
        # A busy machine stands still by itself, which says nothing.
        for left in range(9, -1, -1):
            try:
                return self.compare_loops()
            except AssertionError:
                if left == 0:
                    raise

    def compare_loops(self):
        common = ("--seconds=1.5", "--warmup=0", "--connections=1")
        self.store.pause_at = 0.5
        self.store.first_get = None
        closed = self.load(*common)
        self.store.pause_at = 0.5
        self.store.first_get = None
        fixed = self.load(*common, "--rate=200")
        # 0.3 s of 1.5 s stood still. Those who wait for replies before they
        # ask again see one slow reply; of those who come at fixed times, one
        # in five came during that time.
        self.assertLess(closed["latency_p99_us"], 100000)
        self.assertGreater(fixed["latency_p99_us"], 200000)
        self.assertGreater(fixed["latency_p90_us"], 100000)
        self.assertAlmostEqual(fixed["requests_per_second"], 200, delta=20)

    def test_zipf_prefers_few_keys(self):
        self.fill()
        asked = {}

        def count(key, value):
            asked[key] = asked.get(key, 0) + 1
            return value
        self.store.corrupt = count
        self.load("--dist=zipf", "--requests=20000", "--pipeline=50")
        shares = sorted(asked.values(), reverse=True)
        # 1 / H(100, 0.99) = 0.19, and half of that for the next.
        self.assertAlmostEqual(shares[0] / 20000, 0.19, delta=0.015)
        self.assertAlmostEqual(shares[1] / 20000, 0.096, delta=0.01)
        self.assertGreater(len(shares), 95)


if __name__ == "__main__":
    LOAD = sys.argv.pop(1)
    unittest.main()
