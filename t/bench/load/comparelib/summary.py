# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""From rounds to figures: medians, ratios, spreads.

A ratio is taken within each round, between two measurements that stand next to
each other in time, and the median of these is reported: what slows the machine
for a minute slows both sides of a round. The uncertainty of that median is that
of the notches of a box plot (McGill, Tukey and Larsen 1978), about a 95 %
interval: 1.57 times the distance of the quartiles, over the square root of the
number of rounds. It is relative to the ratio. A row above NOISY is marked.
"""

import math
import statistics

NOISY = 0.10

FIGURES = {
    "cpu": "server_cpu_ns_per_request",
    "throughput": "requests_per_second",
    "p50": "latency_p50_us",
    "p99": "latency_p99_us",
    "p999": "latency_p999_us",
    "p9999": "latency_p9999_us",
    "rss": "server_rss_kb",
}


def spread(values):
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    if middle == 0:
        return 0.0
    return 1.57 * (high - low) / math.sqrt(len(values)) / abs(middle)


def _ratios(ours, theirs):
    return [a / b for a, b in zip(ours, theirs) if b > 0]


def _ratio(ours, theirs):
    ratios = _ratios(ours, theirs)
    return statistics.median(ratios) if ratios else None


def _user_share(ticks):
    """Of the ticks of all rounds together; one round has too few."""
    user = sum(t[0] for t in ticks)
    total = user + sum(t[1] for t in ticks)
    return user / total if total > 0 else None


def _floor(found, theirs, value):
    """The ratio of the floor to memcached, where it was measured."""
    if "floor" not in found:
        return {}
    return {"floor": _ratio([value(r) for r in found["floor"]],
                            [value(r) for r in theirs])}


def of_load(row, found):
    """found: by side, one dict of the load generator per round."""
    ours, theirs = found["cucached"], found["memcached"]
    result = {"name": row.name, "label": row.label,
              "unit": "us" if row.beside else "ns",
              "target": row.target, "more_is_better": False}
    figures = FIGURES | ({"cpu": FIGURES["p99"]} if row.beside else {})
    for figure, field in figures.items():
        a = [r[field] for r in ours if field in r]
        b = [r[field] for r in theirs if field in r]
        if not a or not b:
            continue
        result[figure] = {"cucached": statistics.median(a),
                          "memcached": statistics.median(b),
                          "ratio": _ratio(a, b), "cucached_rounds": a,
                          "memcached_rounds": b,
                          "spread": spread(_ratios(a, b))}
    result["noisy"] = result["cpu"]["spread"] > NOISY
    result["server_busy"] = statistics.median(
        r["server_cpu_busy"] for r in theirs)
    for side, rounds in (("cucached", ours), ("memcached", theirs)):
        result[f"user_share_{side}"] = _user_share(
            [r["ticks"] for r in rounds if "ticks" in r])
        result[f"switches_per_request_{side}"] = statistics.median(
            (r["server_voluntary_switches"]
             + r["server_involuntary_switches"]) / max(1, r["requests"])
            for r in rounds)
    return result | _floor(found, theirs, lambda r: r[FIGURES["cpu"]])


def of_special(row, found, unit):
    ours, theirs = found["cucached"], found["memcached"]
    ratios = _ratios(ours, theirs)
    return {"name": row.name, "label": row.label, "unit": unit,
            "target": row.target, "more_is_better": row.more_is_better,
            "cpu": {"cucached": statistics.median(ours),
                    "memcached": statistics.median(theirs),
                    "ratio": _ratio(ours, theirs), "cucached_rounds": ours,
                    "memcached_rounds": theirs, "spread": spread(ratios)},
            "noisy": spread(ratios) > NOISY
            } | _floor(found, theirs, lambda r: r)


def verdict(result):
    """ok, noisy, miss (of the target), worse (than memcached), or -."""
    ratio = result["cpu"]["ratio"]
    if ratio is None:
        return "-"
    if result["noisy"]:
        return "noisy"
    target = result["target"]
    better = result["more_is_better"]
    margin = max(0.05, result["cpu"]["spread"])
    if (ratio < 1 - margin) if better else (ratio > 1 + margin):
        return "worse"
    if target is None:
        return "ok"
    # The design allows 0.05 where the kernel has most of the time.
    slack = max(result["cpu"]["spread"] * target,
                0.05 if target >= 0.7 else 0.1 * target)
    missed = ratio < target - slack if better else ratio > target + slack
    return "miss" if missed else "ok"
