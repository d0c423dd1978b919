# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Instructions per request against a table that is kept in the tree."""

import argparse
import os
import pathlib
import re
import shutil

from . import measure, rows, tools

TABLE = tools.TREE / "t/bench/instructions.txt"
# Per cent, for rows that are recorded for the first time. Two runs of one
# build differ by up to 2, since where keys stand depends on a random seed; a
# set also does what falls due meanwhile.
ALLOWED = 5.0
ALLOWED_SET = 10.0
SKIPPED = 77  # for `make check`
HEAD = """\
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# User-space instructions per request (of a multiget and of getq: per key) of
# the worker of a -O2 build, counted by callgrind. Written by
# scripts/instructions-per-request --record, which keeps the allowed changes.
# A row is worse, and `make check` fails, above count * (1 + allowed / 100).
# compiler {}
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


def compiler_of(binary):
    """What the compiler wrote about itself, without the distribution's
    revision: other compilers make other code."""
    found = re.search(rb"(GCC): \([^)]*\) (\d+)|(clang) version (\d+)",
                      pathlib.Path(binary).read_bytes())
    if not found:
        return "unknown"
    return b" ".join(part for part in found.groups() if part).decode()


def recorded_compiler(path):
    found = re.search(r"^# compiler (.*)$", path.read_text(), re.MULTILINE)
    return found.group(1) if found else None


def write_table(path, found, before, compiler):
    def allowed(name):
        first = ALLOWED_SET if "set" in name else ALLOWED
        return before.get(name, (0, first))[1]

    lines = [f"{name:<20} {count:>13.1f} {allowed(name):>8}"
             for name, count in found.items()]
    path.write_text(HEAD.format(compiler) + "\n".join(lines) + "\n")


def why_not(binary, path):
    """Why nothing can be judged here; None if it can."""
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    if not path.exists():
        return f"{path}: nothing is recorded yet"
    mine, recorded = compiler_of(binary), recorded_compiler(path)
    if mine != recorded:
        return f"built by {mine}, recorded with {recorded}"
    return None


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
        "recorded count and its allowed change, and with 77 where that "
        "cannot be judged: without valgrind, or built by another compiler.")
    parser.add_argument("--cucached", metavar="PATH")
    parser.add_argument("--load", metavar="PATH")
    parser.add_argument("--table", metavar="FILE", default=str(TABLE))
    parser.add_argument("--record", action="store_true",
                        help="write the table instead of judging by it")
    parser.add_argument("--memcached", metavar="PATH",
                        help="count this one, too, and print the ratios")
    parser.add_argument("--rows", metavar="REGEX", default="",
                        help="only these, by their names")
    arguments = parser.parse_args(argv)
    binary = tools.find_cucached(arguments.cucached)
    generator = measure.Generator(tools.find_load(arguments.load))
    path = pathlib.Path(arguments.table)
    reason = None if arguments.record else why_not(binary, path)
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    table = read_table(path)
    found, failed = {}, False
    for row in rows.ALL:
        if row.instructions and re.search(arguments.rows, row.name):
            found[row.name] = measure.instructions(generator, binary, row)
            line, bad = judge(row.name, found[row.name], table)
            failed = failed or bad
            if arguments.memcached:
                other = measure.instructions(generator, arguments.memcached,
                                             row)
                line += (f"  {found[row.name] / other:.2f} of memcached's "
                         f"{other:.1f}")
            print(line, flush=True)
    if arguments.record:
        write_table(path, {**{n: c[0] for n, c in table.items()}, **found},
                    table, compiler_of(binary))
        tools.say(f"written to {os.path.relpath(path)}")
        return 0
    return 1 if failed else 0
