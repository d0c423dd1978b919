#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Does the replayer count right, and does the search find? Usage:
test_replay.py CUCACHE_REPLAY CUCACHED"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "load")]
# pylint: disable=wrong-import-position
from comparelib.server import Server
from hitratelib import main, report, rows, runner, svg

REPLAY, CUCACHED = sys.argv[1:3]


def replay(port, *flags):
    return subprocess.run([REPLAY, f"--port={port}", *flags], timeout=60,
                          capture_output=True, text=True, check=False)


def counts(port, *flags):
    done = replay(port, *flags)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lying_server(answer):
    """Answers the first request with `answer`; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65536)
            connection.sendall(answer)
            connection.recv(65536)
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(CUCACHED, memory_mb=64)
        self.addCleanup(self.server.stop)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def trace(self, lines):
        path = pathlib.Path(self.folder.name) / "trace"
        path.write_text("".join(f"{line}\n" for line in lines))
        return f"--trace={path}"

    def test_misses_are_first_requests(self):
        keys = [n * n % 97 for n in range(1000)]
        for batch, offset in ((1, 0), (7, 1000), (64, 2000)):
            trace = self.trace(k + offset for k in keys)
            # Each replay renumbers its keys, so only the first is cold.
            with Server(CUCACHED, memory_mb=64) as server:
                found = counts(server.port, trace, f"--batch={batch}")
            self.assertEqual(found["requests"], 1000)
            self.assertEqual(found["misses"], len(set(keys)))
            self.assertEqual(found["stored"], len(set(keys)))
            self.assertEqual(found["late_requests"], 500)
            self.assertEqual(found["late_misses"], 0)

    def test_overwrites(self):
        found = counts(self.server.port, self.trace([1] * 1000),
                       "--overwrite=20")
        self.assertEqual(found["misses"], 1)
        self.assertTrue(150 < found["stored"] < 250, found)

    def test_sizes_and_ttls_of_the_trace(self):
        found = counts(self.server.port, "--sizes=trace", "--batch=4",
                       self.trace(["5 100", "6 3000 100", "7 2000000", "5"]))
        self.assertEqual([found[k] for k in ("misses", "stored", "too_large")],
                         [3, 2, 1])
        with self.server.connect() as connection:
            connection.sendall(b"mg kkkkkk0000000000 s t\r\n"
                               b"mg kkkkkk0000000001 s t\r\nmn\r\n")
            text = b""
            while not text.endswith(b"MN\r\n"):
                text += connection.recv(4096)
        self.assertIn(b"HD s100 t-1\r\n", text)
        self.assertRegex(text, rb"HD s3000 t(100|[5-9][0-9])\r\n")

    def test_wrong_values_are_seen(self):
        head = b"VALUE kkkkkk0000000000 0 8\r\n"
        for answer, says in ((head + b"87654321\r\nEND\r\n", "other keys"),
                             (head.replace(b"0000000000", b"0000000009"),
                              "not asked for"),
                             (b"ERROR\r\n", "ERROR")):
            port = lying_server(answer + b"STORED\r\n")
            done = replay(port, self.trace([1]), "--batch=1")
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(says, done.stderr)

    def test_bad_flags(self):
        for flag in ("--batch=0", "--key_size=9", "--sizes=trace",
                     "--trace=nowhere"):
            self.assertEqual(replay(self.server.port, flag).returncode, 64)


class FakeRunner(runner.Runner):
    """A server that needs 7 MB besides -m, and 100 bytes an item."""

    def __init__(self, least=0, most=1000):
        super().__init__({}, "", quiet=True)
        self.least = least
        self.most = most

    def _replay(self, side, workload, memory):
        used = min(max(memory, self.least), self.most) * runner.MB
        return runner.Result(memory=memory, misses=1 / memory, late_misses=0,
                             items=used / 100, resident=used + 7 * runner.MB,
                             evictions=1)


class FitTest(unittest.TestCase):
    def test_finds_what_is_between(self):
        for kind, target in (("resident", 55.5 * runner.MB),
                             ("resident", 20.25 * runner.MB),
                             ("items", 123456), ("items", 3000000)):
            found = FakeRunner().fit("a", runner.Workload("t"), kind, target)
            self.assertAlmostEqual(found.value(kind) / target, 1, delta=0.006)

    def test_begins_with_what_it_knows(self):
        server = FakeRunner()
        server.fit("a", runner.Workload("t"), "resident", 100 * runner.MB)
        known = len(server._known)  # pylint: disable=protected-access
        server.fit("a", runner.Workload("u"), "resident", 80 * runner.MB)
        self.assertEqual(len(server._known), known + 1)

    def test_says_where_it_cannot(self):
        found = FakeRunner().fit("a", runner.Workload("t"), "resident",
                                 5 * runner.MB)
        self.assertEqual(found.note, "its smallest")
        found = FakeRunner(least=45).fit("a", runner.Workload("t"),
                                         "resident", 51.5 * runner.MB)
        self.assertEqual(found.note, "its smallest")
        found = FakeRunner(most=30).fit("a", runner.Workload("t"), "resident",
                                        90 * runner.MB)
        self.assertEqual(found.note, "everything fits")


class ReportTest(unittest.TestCase):
    def test_lines_and_plots(self):
        results = [runner.Result(memory=m, misses=0.5 / m, late_misses=0.1,
                                 items=1000 * m, resident=m * 1e6)
                   for m in (16, 32, 64)]
        cells = [report.cell(runner.Workload("x"), "memory",
                             r.memory * runner.MB,
                             {"cucached": r, "memcached": r})
                 for r in results]
        self.assertIn("1.000", report.cell_line(cells[0]))
        self.assertIn("mean 1.000", report.verdict(cells))
        out = pathlib.Path(tempfile.mkdtemp())
        report.write("title", cells, ["text"], out)
        self.assertEqual(len(list(out.glob("*.svg"))), 1)
        self.assertIn("</svg>", svg.lines("a", "b", "c", {
            "cucached": [(1, 0.5)], "memcached": [(1, 0.6)]}))

    def test_against_itself(self):
        row = rows.Row("x", "x", "resident", "fixed:200", (1,), itself=1.02)
        text = report.verdict_of_itself([{"cucached": 1.01, "memcached": 1.2},
                                         {"cucached": 1.05, "memcached": 1}],
                                        row)
        self.assertIn("worst 1.050 (MISSES the goal 1.02)", text)

    def test_arguments(self):
        arguments = main.parse_arguments(["--memory=16,32"])
        self.assertEqual(arguments.memory, [16, 32])


unittest.main(argv=sys.argv[:1])
