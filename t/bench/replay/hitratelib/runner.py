# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""One replay against one server, and the search for the -m that gives a
server a wanted resident size or number of items."""

import dataclasses
import json
import subprocess
import sys

from comparelib.server import Server, ServerError

MB = 1024 * 1024
SMALLEST = 2  # -m; memcached refuses less than two items of -I


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is replayed. Frozen, because results are kept by it."""
    trace: str
    sizes: str = "fixed:200"
    overwrite: int = 0
    ttl: int = 0
    universe: int = 1000000
    requests: int = 5000000

    def flags(self):
        return [f"--trace={self.trace}", f"--sizes={self.sizes}",
                f"--overwrite={self.overwrite}", f"--ttl={self.ttl}",
                f"--universe={self.universe}", f"--requests={self.requests}"]

    def name(self):
        trace = self.trace.rsplit("/", 1)[-1].removesuffix(".xz")
        text = f"{trace.removesuffix('.keys')} {self.sizes}"
        text += f" overwrite {self.overwrite} %" if self.overwrite else ""
        return text + (f" ttl {self.ttl} s" if self.ttl else "")


@dataclasses.dataclass
class Result:
    memory: float  # -m; not whole where two runs were interpolated
    misses: float  # ratio, of all requests
    late_misses: float  # of the second half
    items: float  # held at the end
    resident: float  # bytes at the end
    refused: int = 0
    evictions: int = 0
    seconds: float = 0
    note: str = ""

    def value(self, kind):
        return {"memory": self.memory * MB, "resident": self.resident,
                "items": self.items}[kind]


class ReplayError(Exception):
    pass


def between(low, high, kind, target):
    """The result at `target`, between two that are close to it."""
    a, b = low.value(kind), high.value(kind)
    share = (target - a) / (b - a) if b != a else 0

    def mix(name):
        x, y = getattr(low, name), getattr(high, name)
        return x + (y - x) * share
    return Result(memory=mix("memory"), misses=mix("misses"),
                  late_misses=mix("late_misses"), items=mix("items"),
                  resident=mix("resident"),
                  refused=max(low.refused, high.refused))


class Runner:
    def __init__(self, binaries, replay, *, threads=1, batch=64, key_size=16,
                 rate=0, options=(), quiet=False):
        self.binaries = binaries
        self.replay = replay
        self.threads = threads
        self.options = list(options)
        self.flags = [f"--batch={batch}", f"--key_size={key_size}",
                      f"--rate={rate}"]
        self.quiet = quiet
        self.runs = 0
        self._known = {}
        self._full = {}  # what servers held and took that had to evict

    def run(self, side, workload, memory):
        key = (side, workload, memory)
        if key not in self._known:
            found = self._known[key] = self._replay(side, workload, memory)
            if found.evictions:
                self._full.setdefault((side, workload.sizes), []).append(found)
        return self._known[key]

    def _replay(self, side, workload, memory):
        self.runs += 1
        shown = not self.quiet and sys.stderr.isatty()
        if shown:
            print(f"\r\033[K{workload.name()}: {side} -m {memory} ",
                  end="", file=sys.stderr, flush=True)
        with Server(self.binaries[side], threads=self.threads,
                    memory_mb=memory, options=self.options) as server:
            done = subprocess.run(
                [self.replay, f"--port={server.port}", *workload.flags(),
                 *self.flags, *(["--progress"] if shown else [])],
                stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                raise ReplayError(f"{workload.name()}, {side} -m {memory}: "
                                  "the replay failed")
            counts = json.loads(done.stdout)
            resident = server.rss_kb() * 1024
            stats = server.stats()
            if not server.alive():
                raise ServerError(f"{side} died")
        return Result(
            memory=memory, misses=counts["misses"] / counts["requests"],
            late_misses=counts["late_misses"] / max(
                counts["late_requests"], 1),
            items=int(stats["curr_items"]), resident=resident,
            refused=counts["refused"], evictions=int(stats["evictions"]),
            seconds=counts["seconds"])

    def fit(self, side, workload, kind, target, tolerance=0.005, near=0.06):
        """The result at a resident size in bytes, or a number of items: of a
        run that comes within `tolerance`, or between two runs whose values
        enclose the target and are at most `near` apart (a share of it), or
        whose -m are 1 apart. Where the server cannot come there (it needs
        more, or the trace less), the nearest, with a note."""
        if kind == "memory":
            return self.run(side, workload, round(target / MB))
        memory = self._first(side, workload, kind, target)
        low = high = None  # enclose the target
        for _ in range(16):
            found = self.run(side, workload, memory)
            value = found.value(kind)
            if abs(value - target) <= tolerance * target:
                return found
            if value < target:
                if low and value <= low.value(kind) * 1.001 and not high:
                    found.note = "everything fits"
                    return found
                low = found
            else:
                # A page for each class, whatever -m says.
                stuck = (high and not low and
                         value >= high.value(kind) * 0.99)
                high = found
                if memory == SMALLEST:
                    found.note = "its smallest"
                    return found
                if stuck:
                    memory = SMALLEST
                    continue
            if low and high and (high.memory - low.memory <= 1 or
                                 high.value(kind) - low.value(kind) <=
                                 near * target):
                return between(low, high, kind, target)
            memory = self._next(kind, target, low, high, memory)
        raise ReplayError(f"{workload.name()}: no -m of {side} gives {kind} "
                          f"{target:.0f}")

    def _first(self, side, workload, kind, target):
        """A guess, from what a full server with values of these sizes held or
        took that was nearest to it, whatever the trace was."""
        full = self._full.get((side, workload.sizes))
        if not full:
            per_mb = MB if kind == "resident" else MB / 300
            return max(SMALLEST, round(target / per_mb - 5))
        near = min(full, key=lambda r: abs(r.value(kind) - target))
        per_mb = MB if kind == "resident" else near.items / near.memory
        part = (target - near.value(kind)) / per_mb
        return max(SMALLEST, round(near.memory + part))

    @staticmethod
    def _next(kind, target, low, high, memory):
        if low and high:
            a, b = low.value(kind), high.value(kind)
            guess = low.memory + (high.memory - low.memory) * (
                target - a) / (b - a)
            return min(max(round(guess), low.memory + 1), high.memory - 1)
        if low:
            part = target - low.value(kind)
            step = part / MB if kind == "resident" else (
                memory * part / max(low.value(kind), 1))
            return memory + max(1, round(step * 1.1))
        part = high.value(kind) - target
        step = part / MB if kind == "resident" else (
            memory * part / high.value(kind))
        return max(SMALLEST, memory - max(1, round(step * 1.1)))
