# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What was found, as lines of text, JSON and plots."""

import json
import math
import re

from . import svg
from .runner import MB

WIDTHS = (34, 8, 9, 9, 7, 10, 10, 7, 8, 8)
HEAD = ("workload", "size", "misses", "memc.", "ratio", "items", "memc.",
        "ratio", "RSS MB", "memc.")
SIDES = ("cucached", "memcached")


def line(cells):
    first = f"{cells[0][:WIDTHS[0]]:<{WIDTHS[0]}}"
    return first + "".join(f"{c:>{w}}" for c, w in
                           zip(cells[1:], WIDTHS[1:]))


def size_text(kind, target):
    if kind == "items":
        return f"{target / 1000:,.0f} k" if target >= 1000 else f"{target:.0f}"
    return f"{target / MB:.0f} MB"


def ratio(a, b):
    return a / b if b else math.nan


def cell(workload, kind, target, found):
    ours, theirs = (found[side] for side in SIDES)
    return {"workload": workload.name(), "kind": kind, "target": target,
            "cucached": vars(ours), "memcached": vars(theirs),
            "misses": ratio(ours.misses, theirs.misses),
            "items": ratio(ours.items, theirs.items)}


def cell_line(c):
    ours, theirs = c["cucached"], c["memcached"]
    notes = [f"{side}: {c[side]['note']}" for side in SIDES
             if c[side]["note"]]
    notes += [f"{side}: {c[side]['refused']} sets refused" for side in SIDES
              if c[side]["refused"]]
    text = line((c["workload"], size_text(c["kind"], c["target"]),
                 f"{ours['misses']:.4f}", f"{theirs['misses']:.4f}",
                 f"{c['misses']:.3f}", f"{ours['items']:,.0f}",
                 f"{theirs['items']:,.0f}", f"{c['items']:.2f}",
                 f"{ours['resident'] / MB:.1f}",
                 f"{theirs['resident'] / MB:.1f}"))
    return text + ("  (" + "; ".join(notes) + ")" if notes else "")


def mean(values):
    """Geometric."""
    values = [v for v in values if v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else (
        math.nan)


def verdict(cells, row=None):
    """One line for a group of cells, with the goals of its row."""
    counted = [c for c in cells if not (c["cucached"]["note"] and
                                        c["memcached"]["note"])]
    if not counted:
        return "  (nothing to compare)"
    found = {"mean": mean([c["misses"] for c in counted]),
             "worst": max(c["misses"] for c in counted),
             "held": mean([c["items"] for c in counted])}
    parts = []
    for key, text in (("mean", "misses, mean"), ("worst", "worst cell"),
                      ("held", "items held, mean")):
        goal = getattr(row, key, 0) if row else 0
        part = f"{text} {found[key]:.3f}"
        if goal:
            met = found[key] >= goal - 0.005 if key == "held" else (
                found[key] <= goal * 1.01)
            part += f" ({'goal' if met else 'MISSES the goal'} {goal:g})"
        parts.append(part)
    return "  " + "; ".join(parts)


def verdict_of_itself(ratios, row):
    """One line for the ratios of each server to itself without overwrites."""
    parts = []
    for side in SIDES:
        values = [r[side] for r in ratios]
        parts.append(f"{side} {mean(values):.3f}, worst {max(values):.3f}")
        if side == "cucached" and row.itself:
            met = max(values) <= row.itself * 1.01
            parts[-1] += (f" ({'goal' if met else 'MISSES the goal'} "
                          f"{row.itself:g})")
    return "  with overwrites : without, mean: " + "; ".join(parts)


X_LABELS = {"memory": "-m, MB", "resident": "resident memory, MB",
            "items": "items held, thousands"}


def write_plots(cells, note, out):
    groups = {}
    for c in cells:
        groups.setdefault((c["workload"], c["kind"]), []).append(c)
    for (workload, kind), group in groups.items():
        if len(group) < 2:
            continue
        unit = 1000 if kind == "items" else MB
        series = {side: [(c["target"] / unit, c[side]["misses"])
                         for c in group] for side in SIDES}
        name = re.sub(r"[^\w.]+", "-", f"{workload} {kind}")
        (out / f"{name}.svg").write_text(svg.lines(
            f"Misses: {workload}", note, X_LABELS[kind], series))


def write(title, cells, text, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "hitrate.json").write_text(
        json.dumps({"title": title, "cells": cells}, indent=1) + "\n")
    (out / "hitrate.txt").write_text(title + "\n" + "\n".join(text) + "\n")
    write_plots(cells, title, out)
