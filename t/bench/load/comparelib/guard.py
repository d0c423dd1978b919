# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Instructions per request against a table that is kept in the tree."""

import argparse
import os
import pathlib

from . import measure, rows, tools

TABLE = tools.TREE / "t/bench/instructions.txt"
ALLOWED = 2.0  # per cent, for rows that are recorded for the first time
HEAD = """\
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# User-space instructions per request (of a multiget: per key) of the
# worker of a -O2 build, counted by callgrind; written by scripts/instructions-per-request --record.
# row                 instructions   allowed change in per cent
"""


def read_table(path):
    table = {}
    if not path.exists():
        return table
    for line in path.read_text().split("\n"):
        if line.strip() and not line.startswith("#"):
            name, count, allowed = line.split()
            table[name] = (float(count), float(allowed))
    return table


def write_table(path, found, before):
    lines = [f"{name:<20} {count:>13.1f} {before.get(name, (0, ALLOWED))[1]:>8}"
             for name, count in found.items()]
    path.write_text(HEAD + "\n".join(lines) + "\n")


def judge(name, count, table):
    """The line to print, and whether it is a failure."""
    if name not in table:
        return f"{name:<20} {count:>10.1f}  not recorded", False
    recorded, allowed = table[name]
    change = 100 * (count / recorded - 1)
    line = f"{name:<20} {count:>10.1f}  {change:+.1f} % of {recorded:.1f}"
    if change > allowed:
        return line + f"  WORSE by more than {allowed} %", True
    if change < -allowed:
        return line + "  better: record it", False
    return line + "  ok", False


def run(argv):
    parser = argparse.ArgumentParser(
        prog="instructions-per-request",
        description="Counts the user-space instructions of a fixed script of "
        "requests under callgrind. Ends with 1 if a row needs more than the "
        "recorded count and its allowed change.")
    parser.add_argument("--cucached", metavar="PATH")
    parser.add_argument("--load", metavar="PATH")
    parser.add_argument("--table", metavar="FILE", default=str(TABLE))
    parser.add_argument("--record", action="store_true",
                        help="write the table instead of judging by it")
    arguments = parser.parse_args(argv)
    binary = tools.find_cucached(arguments.cucached)
    generator = measure.Generator(tools.find_load(arguments.load))
    path = pathlib.Path(arguments.table)
    table = read_table(path)
    if not table and not arguments.record:
        tools.say(f"{path}: nothing is recorded yet, so nothing can fail")
    found, failed = {}, False
    for row in rows.ALL:
        if row.instructions:
            found[row.name] = measure.instructions(generator, binary, row)
            line, bad = judge(row.name, found[row.name], table)
            failed = failed or bad
            print(line, flush=True)
    if arguments.record:
        write_table(path, found, table)
        tools.say(f"written to {os.path.relpath(path)}")
        return 0
    return 1 if failed else 0
