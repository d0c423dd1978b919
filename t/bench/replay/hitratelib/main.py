# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The measurement from beginning to end."""

import argparse
import glob
import os
import pathlib
import re
import subprocess
import sys
import time

from comparelib import server as servers
from comparelib import tools
from comparelib.server import ServerError

from . import report, rows
from .runner import MB, ReplayError, Runner, Workload

TREE = tools.TREE
DESCRIPTION = """\
Replays traces look-aside (get; on a miss, set) against cucached and memcached,
each started anew, and prints miss ratios, items held and resident memory of
both, and the ratios cucached : memcached. With --trace: that trace; without:
the standard rows (--list), with their goals. Writes hitrate.json, hitrate.txt
and a plot of each workload with several sizes."""
EPILOG = """\
What is equal is given by one of --memory (the same -m), --resident (the same
resident size, VmRSS at the end) and --items (the same number of items held, as
a share of the trace's keys); several may be given. For the last two -m is
searched for each server; between two values of -m the result is interpolated.
Ends with 1 on a wrong answer or a dead server, never because of a ratio.

  scripts/hitrate --quick
  scripts/hitrate --trace=p3.keys.xz --memory=32,64,128 --resident=32,64,128
  scripts/hitrate --trace=zipf:0.9 --sizes=lognormal --resident=25 --overwrite=20
"""


def numbers(text):
    return [float(part) for part in text.split(",")]


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="hitrate", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--trace", action="append", metavar="T",
        help="a file of lines `key [value-bytes [ttl-seconds]]`, plain or .xz; "
        "or zipf:S, churn:S, scan:S, loop:S (S: the exponent); may be repeated")
    add("--sizes", default=None, metavar="S",
        help="of values: fixed:N, lognormal, vary, drift, or trace (what the "
        "file says) [fixed:200]")
    add("--overwrite", type=int, default=0, metavar="PERCENT",
        help="of the hits, followed by a set")
    add("--ttl", type=int, default=0, metavar="SECONDS",
        help="mean TTL, where the trace has none")
    add("--universe", type=int, default=1000000, metavar="KEYS",
        help="of a made trace [1000000]")
    add("--requests", type=int, metavar="N", help="at most [5000000]")
    add("--memory", type=numbers, default=[], metavar="MB,...")
    add("--resident", type=numbers, default=[], metavar="MB,...")
    add("--items", type=numbers, default=[], metavar="SHARE,...")
    add("--rows", metavar="REGEX", default="",
        help="only standard rows whose name matches")
    add("--traces", metavar="DIR",
        help="where p3.keys.xz and ormbusy.keys.xz are, for the standard rows")
    add("--quick", action="store_true",
        help="a fifth of the requests, fewer rows, of each one trace and size")
    add("--batch", type=int, default=64, metavar="N",
        help="requests under way at once; 1 is exact and slow [64]")
    add("--key-size", type=int, default=16, metavar="BYTES")
    add("--rate", type=float, default=0, metavar="N",
        help="requests a second [as fast as it goes]")
    add("--threads", type=int, default=1, metavar="N", help="-t [1]")
    add("--server-option", action="append", default=[], metavar="O",
        help="for both servers; may be repeated")
    add("--cucached", metavar="PATH")
    add("--memcached", metavar="PATH",
        help="without it scripts/build-memcached builds one")
    add("--replay", metavar="PATH", help="the replayer, cucache-replay")
    add("--port", type=int, default=21200, metavar="N",
        help="the first of 100 ports that may be used [21200]")
    add("--out", metavar="DIR", default="hitrate-results")
    add("--list", action="store_true", help="list the standard rows")
    return parser.parse_args(argv)


def find_replay(path):
    path = path or tools.built("cucache-replay")
    if path:
        return os.path.abspath(path)
    binary = tools.cache_dir() / "cucache-replay"
    sources = sorted((TREE / "t/bench/replay").glob("*.cc"))
    sources.append(TREE / "t/bench/sim/workload.cc")
    headers = [*(TREE / "t/bench/replay").glob("*.h"),
               TREE / "t/bench/sim/workload.h"]
    newest = max(p.stat().st_mtime for p in [*sources, *headers])
    if not binary.exists() or binary.stat().st_mtime < newest:
        tools.say("compiling the replayer ...")
        subprocess.run(
            [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", f"-I{TREE}",
             *map(str, sources), "-lgflags", "-o", str(binary)], check=True)
    return str(binary)


def keys_of(workload):
    """How many different keys a trace has, at most."""
    if not os.path.exists(workload.trace):
        return workload.universe
    packed = workload.trace.endswith(".xz")
    with subprocess.Popen(["xz", "-dc", workload.trace] if packed else
                          ["cat", workload.trace],
                          stdout=subprocess.PIPE) as unpack:
        keys = set()
        for number, text in enumerate(unpack.stdout):
            if number == workload.requests:
                unpack.kill()
                break
            keys.add(text.split(None, 1)[0])
    return len(keys)


class Measurement:
    def __init__(self, runner):
        self.runner = runner
        self.cells = []
        self.text = []
        self.failures = []

    def say(self, text):
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        print(text, flush=True)
        self.text.append(text)

    def compare(self, workload, kind, target):
        found = {}
        try:
            # memcached first: where it cannot be as small as that, the size
            # that it has is the one to compare at.
            found["memcached"] = self.runner.fit("memcached", workload, kind,
                                                 target)
            if found["memcached"].note == "its smallest":
                target = found["memcached"].value(kind)
            found["cucached"] = self.runner.fit("cucached", workload, kind,
                                                target)
        except (ReplayError, ServerError, OSError) as error:
            self.failures.append(f"{workload.name()}: {error}")
            self.say(f"{workload.name()}: FAILED: {error}")
            return None
        cell = report.cell(workload, kind, target, found)
        self.cells.append(cell)
        self.say(report.cell_line(cell))
        return cell

    def sizes(self, workload, kind, values):
        if kind == "items":
            keys = keys_of(workload)
            values = [v * keys for v in values]
        else:
            values = [v * MB for v in values]
        cells = [self.compare(workload, kind, v) for v in values]
        return [c for c in cells if c]

    def row(self, row, paths, requests, quick):
        self.say(f"-- {row.name}: {row.label}")
        cells, itself = [], []
        for workload in row.workloads(paths, requests, quick):
            values = row.values[:1] if quick else row.values
            found = self.sizes(workload, row.kind, values)
            itself += [self.against_itself(workload, row, cell)
                       for cell in found if row.overwrite]
            cells += found
        self.say(report.verdict(cells, row))
        if itself:
            self.say(report.verdict_of_itself(itself, row))

    def against_itself(self, workload, row, cell):
        """Overwrites should cost no hits."""
        without = Workload(workload.trace, workload.sizes,
                           universe=workload.universe,
                           requests=workload.requests)
        ratios = {}
        for side in report.SIDES:
            plain = self.runner.fit(side, without, row.kind, cell["target"])
            ratios[side] = report.ratio(cell[side]["misses"], plain.misses)
            self.say(f"  {side}, with overwrites : without: "
                     f"{ratios[side]:.3f}")
        return ratios


def standard(arguments, measurement, requests):
    paths = {}
    for path in glob.glob(f"{arguments.traces or '.'}/*.keys*"):
        paths[os.path.basename(path).split(".")[0]] = path
    wanted = re.compile(arguments.rows)
    for row in rows.ALL:
        if not wanted.search(row.name) or (
                arguments.quick and not row.quick and not arguments.rows):
            continue
        missing = [f for f in row.files if f not in paths]
        if missing and not arguments.quick:
            tools.say(f"{row.name}: without {', '.join(missing)} (--traces)")
        measurement.row(row, paths, requests, arguments.quick)


def chosen(arguments, measurement, requests):
    kinds = {"memory": arguments.memory, "resident": arguments.resident,
             "items": arguments.items}
    if not any(kinds.values()):
        kinds["memory"] = kinds["resident"] = [32, 64, 128]
    for kind, values in kinds.items():
        if not values:
            continue
        measurement.say(f"-- the same {kind}")
        cells = []
        for trace in arguments.trace:
            workload = Workload(trace, arguments.sizes or "fixed:200",
                                arguments.overwrite, arguments.ttl,
                                arguments.universe, requests)
            cells += measurement.sizes(workload, kind, values)
        measurement.say(report.verdict(cells))


def run(argv):
    arguments = parse_arguments(argv)
    if arguments.list:
        for row in rows.ALL:
            print(f"{row.name:<16} {row.label}")
        return 0
    for trace in arguments.trace or ():
        if ":" not in trace and not os.path.exists(trace):
            sys.exit(f"hitrate: no trace {trace}")
    binaries = {"cucached": tools.find_cucached(arguments.cucached),
                "memcached": tools.find_memcached(arguments.memcached)}
    servers.PORTS = range(arguments.port, arguments.port + 100)
    runner = Runner(binaries, find_replay(arguments.replay),
                    threads=arguments.threads, batch=arguments.batch,
                    key_size=arguments.key_size, rate=arguments.rate,
                    options=arguments.server_option)
    measurement = Measurement(runner)
    versions = [tools.version(binaries[side]) for side in report.SIDES]
    title = (f"{versions[0]} against {versions[1]}, "
             + time.strftime("%Y-%m-%d %H:%M"))
    measurement.say(title)
    measurement.say(report.line(report.HEAD))
    requests = arguments.requests or (
        1000000 if arguments.quick else 5000000)
    (chosen if arguments.trace else standard)(arguments, measurement, requests)
    out = pathlib.Path(arguments.out)
    report.write(title, measurement.cells, measurement.text[1:], out)
    tools.say(f"{runner.runs} replays; written to {out}/: hitrate.json, "
              "hitrate.txt, *.svg")
    return 1 if measurement.failures else 0
