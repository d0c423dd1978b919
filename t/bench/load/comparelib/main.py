# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The comparison from beginning to end."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import platform
import re
import resource
import shutil
import sys
import time

from . import measure, report, rows, special, summary, tools
from .server import ServerError
from .tools import say

SIDES = ("cucached", "memcached")
LIVES = 3


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="compare", description="Measures cucached against memcached, "
        "interleaved, and writes compare.json, compare.txt and plots. Ends "
        "with 1 if a server answered wrongly or died, never because of a "
        "time.")
    parser.add_argument("--memcached", metavar="PATH",
                        help="without it scripts/build-memcached builds one")
    parser.add_argument("--cucached", metavar="PATH")
    parser.add_argument("--load", metavar="PATH",
                        help="the load generator, cucache-load")
    parser.add_argument("--quick", action="store_true",
                        help="short rounds, smaller data, fewer rows")
    parser.add_argument("--rows", metavar="REGEX", default="",
                        help="only rows whose name or text matches")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--seconds", type=float, metavar="S",
                        help="of each measurement")
    parser.add_argument("--floor", action="store_true",
                        help="measure also what any server has to do "
                        "(t/bench/floor), for a floor of the ratios")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions too (valgrind; slow)")
    parser.add_argument("--no-system-calls", action="store_true",
                        help="do not count system calls (strace)")
    parser.add_argument("--out", metavar="DIR", default="compare-results")
    parser.add_argument("--list", action="store_true", help="list the rows")
    return parser.parse_args(argv)


def _quick(row):
    many = row.keys >= rows.MANY // 2 and row.memory_mb > 64
    return dataclasses.replace(
        row, keys=row.keys // 10 if many else row.keys,
        fresh_requests=row.fresh_requests // 10,
        label=row.label.replace("3 M keys", "300 k keys"))


def choose_rows(arguments):
    wanted = re.compile(arguments.rows)
    chosen = [r for r in rows.ALL
              if wanted.search(r.name) or wanted.search(r.label)]
    if arguments.quick:
        chosen = [_quick(r) for r in chosen if not r.long]
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for row in chosen:
        if row.connections + 200 > files:
            say(f"left out, only {files} files may be open: {row.label}")
    return [r for r in chosen if r.connections + 200 <= files]


class Comparison:
    def __init__(self, arguments, binaries, generator):
        self.arguments = arguments
        self.binaries = binaries
        self.generator = generator
        # Many short slices: a disturbance then spoils few of the ratios.
        self.rounds = arguments.rounds or (9 if arguments.quick else 15)
        self.seconds = arguments.seconds or (0.15 if arguments.quick else 0.4)

    def _sides(self, row):
        with_floor = tools.FLOOR in self.binaries and rows.has_floor(row)
        return SIDES + (tools.FLOOR,) * with_floor

    def measure(self, row):
        if row.special:
            return self._special(row)
        if row.fresh_requests:
            return self._load(row, self._fresh)
        return self._load(row, None)

    def _order(self, row, round_number):
        return self._sides(row)[::1 if round_number % 2 == 0 else -1]

    def _special(self, row):
        found = {side: [] for side in self._sides(row)}
        with contextlib.ExitStack() as stack:
            if row.special == "accept":
                servers = self._start(row, stack)
                _, cpus = tools.split_cpus(row.server_threads)
                rounds = self.rounds

                def once(side):
                    return special.accept(servers[side], cpus, self.seconds)
            else:
                # Memory does not vary, and to fill it takes long.
                once_is_enough = row.special == "whole"
                rounds = 1 if self.arguments.quick or once_is_enough else 3

                def once(side):
                    return special.once(self.generator, self.binaries[side],
                                        row)
            for i in range(rounds):
                for side in self._order(row, i):
                    found[side].append(once(side))
        return summary.of_special(row, found, special.UNITS[row.special])

    def _fresh(self, row, side):
        with measure.start(self.binaries[side], row) as server:
            return self._ticked(server, row, 0)

    def _ticked(self, server, row, rate):
        user, system = server.ticks()
        done = measure.once(self.generator, server, row, self.seconds, rate)
        after = server.ticks()
        done["ticks"] = [after[0] - user, after[1] - system]
        return done

    def _load(self, row, fresh):
        found = {side: [] for side in self._sides(row)}
        more = {"system_calls": {}, "rate": 0}
        if fresh:
            for i in range(min(self.rounds, 3)):
                for side in self._order(row, i):
                    found[side].append(fresh(row, side))
        else:
            for life in range(LIVES):
                self._life(row, found, more, life)
        return summary.of_load(row, found) | more

    def _life(self, row, found, more, life):
        """A share of the rounds, on servers of their own: where in memory a
        process happens to lie is worth several per cent."""
        done, end = (self.rounds * n // LIVES for n in (life, life + 1))
        if done == end:
            return
        with contextlib.ExitStack() as stack:
            servers = self._start(row, stack)
            more["rate"] = more["rate"] or self._rate(row, servers)
            for i in range(done, end):
                for side in self._order(row, i):
                    found[side].append(
                        self._ticked(servers[side], row, more["rate"]))
            last = end == self.rounds
            wanted = row.syscalls and not self.arguments.no_system_calls
            for side in SIDES if last and wanted else ():
                more["system_calls"][side] = measure.system_calls(
                    self.generator, servers[side], row)

    def _start(self, row, stack):
        servers = {}
        for side in self._sides(row):
            server = stack.enter_context(
                measure.start(self.binaries[side], row))
            if row.preload:
                self.generator.preload(server, row)
            servers[side] = server
        return servers

    def _rate(self, row, servers):
        if not row.open_share:
            return 0
        done = measure.once(self.generator, servers["memcached"], row,
                            self.seconds)
        return done["requests_per_second"] * row.open_share

    def instructions(self, chosen):
        found = {}
        for row in chosen:
            if not row.instructions:
                continue
            say(f"instructions: {row.label}")
            found[row.label] = {
                side: measure.instructions(self.generator,
                                           self.binaries[side], row)
                for side in SIDES}
        return found


def _title(binaries):
    cpus = len(os.sched_getaffinity(0))
    versions = {side: tools.version(binaries[side]) for side in SIDES}
    return (f"cucached ({versions['cucached']}) against "
            f"{versions['memcached']}; {cpus} CPUs, {platform.release()}, "
            + time.strftime("%Y-%m-%d %H:%M"))


def _warn_of_tools(arguments):
    if not arguments.no_system_calls and not shutil.which("strace"):
        say("no strace here: system calls are not counted")
    if arguments.instructions and not shutil.which("valgrind"):
        sys.exit("compare: --instructions needs valgrind")
    if tools.split_cpus(1)[0] is None:
        say("one CPU only: server and generator share it; throughput and "
            "latency say little, CPU time per request still does")


def run(argv):
    arguments = parse_arguments(argv)
    chosen = choose_rows(arguments)
    if arguments.list:
        for row in chosen:
            print(f"{row.name:<16} {row.label}")
        return 0
    if not chosen:
        sys.exit(f"compare: no row matches {arguments.rows!r}")
    _warn_of_tools(arguments)
    binaries = {"cucached": tools.find_cucached(arguments.cucached),
                "memcached": tools.find_memcached(arguments.memcached)}
    if arguments.floor:
        binaries[tools.FLOOR] = tools.find_floor()
    generator = measure.Generator(tools.find_load(arguments.load))
    comparison = Comparison(arguments, binaries, generator)
    title = _title(binaries)
    say(title)
    print(report.format_line(report.HEAD), flush=True)
    results, failures = [], []
    for number, row in enumerate(chosen, 1):
        if sys.stderr.isatty():
            print(f"[{number}/{len(chosen)}] {row.label} ...", end="\r",
                  file=sys.stderr, flush=True)
        try:
            results.append(comparison.measure(row))
        except (measure.WrongAnswer, ServerError, OSError) as error:
            failures.append(f"{row.name}: {error}")
            print(f"{row.label:<44} FAILED: {error}", flush=True)
            continue
        print(report.format_line(report.table_line(results[-1])), flush=True)
    found = comparison.instructions(chosen) if arguments.instructions else {}
    if found:
        print(report.instruction_table(found))
    print(report.LEGEND)
    out = pathlib.Path(arguments.out)
    report.write_files({"title": title,
                        "memcached": tools.version(binaries["memcached"]),
                        "cucached": tools.version(binaries["cucached"]),
                        "rounds": comparison.rounds,
                        "seconds": comparison.seconds, "rows": results,
                        "instructions": found, "failures": failures}, out)
    say(f"written to {out}/: compare.json, compare.txt, *.svg")
    for failure in failures:
        say(f"FAILED: {failure}")
    return 1 if failures else 0
