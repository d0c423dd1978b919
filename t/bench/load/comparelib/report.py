# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The table, and the files: compare.json, compare.txt, *.svg."""

import json

from . import svg
from .summary import verdict

HEAD = ("row", "cucached", "memcached", "unit", "ratio", "floor", "target",
        "+-", "thr.put", "p99", "p99.9", "calls", "verdict")


def _number(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio(result, figure):
    ratio = result.get(figure, {}).get("ratio")
    return "-" if ratio is None else f"{ratio:.2f}"


def _floor(result):
    floor = result.get("floor")
    return "-" if floor is None else f"{floor:.2f}"


def _calls(result):
    calls = result.get("system_calls")
    if not calls or not calls["cucached"] or not calls["memcached"]:
        return "-"
    return "{:.2f}/{:.2f}".format(calls["cucached"]["io"],
                                  calls["memcached"]["io"])


def table_line(result):
    cpu = result["cpu"]
    target = result["target"]
    return (result["label"], _number(cpu["cucached"]),
            _number(cpu["memcached"]), result["unit"], _ratio(result, "cpu"),
            _floor(result), "-" if target is None else f"{target:.2f}",
            f"{cpu['spread']:.2f}", _ratio(result, "throughput"),
            _ratio(result, "p99"), _ratio(result, "p999"), _calls(result),
            verdict(result))


def format_line(cells):
    widths = (44, 10, 10, 5, 6, 6, 6, 5, 7, 6, 6, 10)
    first = f"{cells[0]:<{widths[0]}}"
    rest = "".join(f" {c:>{w}}" for c, w in zip(cells[1:], widths[1:]))
    return first + rest + "  " + cells[-1]


def table(results):
    return "\n".join([format_line(HEAD)]
                     + [format_line(table_line(r)) for r in results])


def instruction_table(instructions):
    head = ("user-space instructions per request", "cucached", "memcached",
            "", "ratio", "", "", "", "", "", "", "", "")
    lines = [format_line(head)]
    for name, pair in instructions.items():
        ratio = pair["cucached"] / pair["memcached"]
        lines.append(format_line(
            (name, _number(pair["cucached"]), _number(pair["memcached"]), "",
             f"{ratio:.2f}", "", "", "", "", "", "", "", "")))
    return "\n".join(lines)


LEGEND = """
cucached, memcached: server CPU time per request (or what the unit says), median of the rounds.
ratio: of CPU time, cucached to memcached; thr.put, p99, p99.9: ratios too. +-: about the 95 %
interval of the ratio, as a share of it. calls: system calls for input and output per request,
of both. floor: the ratio of a server that does only what none can leave out (--floor); a target
below it cannot be met on this machine. verdict: worse = above memcached by more than 5 % and +-;
miss = off the target by more than 0.05 (a tenth of targets below 0.7) and +-; noisy = +- is above
0.10, so that the ratio means little here.
"""


def _pairs(results, figure, scale=1.0):
    return [svg.Pair(r["label"], r[figure]["cucached"] * scale,
                     r[figure]["memcached"] * scale, r["noisy"])
            for r in results if figure in r]


def write_plots(results, out, against):
    load = [r for r in results if "throughput" in r]
    special = [r for r in results if "throughput" not in r]
    note = f"bars: relative to {against} = 1; figures: absolute; shorter is better"
    more = note.replace("shorter", "longer")
    plots = {
        "cpu": ("Server CPU time per request, µs", note,
                _pairs([r for r in load if r["unit"] == "ns"], "cpu", 1e-3)),
        "throughput": ("Requests per second", more,
                       _pairs(load, "throughput")),
        "memory": ("Memory, and the cost of a connection", note,
                   _pairs(special, "cpu")),
        "system-calls": ("System calls per request", note, [
            svg.Pair(r["label"], r["system_calls"]["cucached"]["io"],
                     r["system_calls"]["memcached"]["io"], False)
            for r in load if _calls(r) != "-"]),
    }
    names = {"p50": "median", "p99": "p99", "p999": "p99.9",
             "p9999": "p99.99"}
    for figure, name in names.items():
        plots["latency-" + name.replace(".", "")] = (
            f"Latency, {name}, µs", note, _pairs(load, figure))
    for name, (title, text, pairs) in plots.items():
        if pairs:
            (out / f"{name}.svg").write_text(svg.bars(title, text, pairs))


def write_files(summary, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "compare.json").write_text(json.dumps(summary, indent=1) + "\n")
    text = table(summary["rows"])
    if summary["instructions"]:
        text += "\n\n" + instruction_table(summary["instructions"])
    (out / "compare.txt").write_text(
        summary["title"] + "\n\n" + text + "\n" + LEGEND)
    write_plots(summary["rows"], out, summary["memcached"])
