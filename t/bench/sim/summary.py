#!/usr/bin/env python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Ratios of misses: cusim's lines on stdin, the base policy's spec as argument.

For every policy: geometric mean and worst ratio to the base's misses over all
cells (trace, sizes, workload, cache size) that both have, the cell of the
worst, and the mean of items held, of copies per miss, as ratios and means.
With --cells, every cell's ratio too.
"""
import math
import sys


def main():
    args = [a for a in sys.argv[1:] if a != "--cells"]
    base = args[0] if args else "s3fifo"
    cells = {}
    for line in sys.stdin:
        f = line.rstrip("\n").split("\t")
        cells.setdefault(f[4], {})[tuple(f[:4])] = [float(x) for x in f[5:]]
    for policy, rows in cells.items():
        common = [c for c in rows if c in cells[base] and rows[c][0] > 0]
        if not common:
            continue
        ratio = {c: rows[c][0] / cells[base][c][0] for c in common}
        items = [rows[c][1] / cells[base][c][1] for c in common]
        worst = max(common, key=ratio.get)
        n = len(common)
        mean = math.exp(sum(math.log(r) for r in ratio.values()) / n)
        print("%-44s %.4f  worst %.4f  items %.3f  copies %.2f  (%s)" % (
            policy, mean, ratio[worst], sum(items) / n,
            sum(rows[c][2] for c in common) / n,
            " ".join(worst).split("/")[-1]))
        if "--cells" in sys.argv:
            for c in common:
                print("    %-60s %.5f %.4f" % (
                    " ".join(c).split("/")[-1], rows[c][0], ratio[c]))


main()
