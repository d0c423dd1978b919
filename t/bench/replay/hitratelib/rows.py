# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The standard measurements and what they should reach: misses of cucached
over those of memcached, geometric mean and worst cell."""

import dataclasses

from .runner import Workload

MADE = ("zipf:0.8", "zipf:0.99", "zipf:1.1", "churn:0.99", "scan:0.99",
        "loop:0.99")


@dataclasses.dataclass
class Row:
    name: str
    label: str
    kind: str  # what is equal: memory (-m), resident, items
    sizes: str
    values: tuple  # MB; items as shares of the keys
    traces: tuple = MADE
    files: tuple = ()  # of --traces
    overwrite: int = 0
    mean: float = 0
    worst: float = 0
    held: float = 0  # items, at least
    itself: float = 0  # cucached with overwrites over without, worst
    quick: bool = True

    def workloads(self, paths, requests, quick):
        if quick:
            made = self.traces[1:2] or self.traces
            return [Workload(trace, self.sizes, self.overwrite,
                             requests=requests) for trace in made]
        found = [paths[f] for f in self.files if f in paths]
        return [Workload(trace, self.sizes, self.overwrite, requests=requests)
                for trace in [*found, *self.traces]]


ALL = (
    Row("m-200", "same -m, 200 B", "memory", "fixed:200", (64,),
        traces=("zipf:0.99",), held=1.22),
    Row("m-32", "same -m, 32 B", "memory", "fixed:32", (24,),
        traces=("zipf:0.8",), held=1.35),
    Row("m-mixed", "same -m, mixed sizes", "memory", "lognormal", (16, 64),
        traces=("zipf:0.99", "churn:0.99")),
    Row("resident-200", "same resident size, 200 B", "resident", "fixed:200",
        (20, 55, 100), files=("p3",), mean=0.85, worst=0.97),
    Row("resident-mixed", "same resident size, mixed sizes", "resident",
        "lognormal", (55, 100), files=("p3",), mean=0.80, worst=0.94),
    Row("small-mixed", "small servers, mixed sizes", "resident", "lognormal",
        (25,), files=("p3", "ormbusy"), mean=0.55),
    Row("drift", "sizes that drift", "resident", "drift", (55, 100),
        files=("p3",), mean=0.82),
    Row("p3-items", "p3 at 10 % of its keys", "items", "fixed:200", (0.1,),
        traces=(), files=("p3",), mean=0.82),
    # Fewer items are larger here: -m goes by whole MB, and in the smallest
    # memories the number of items at the end says little.
    Row("items", "same number of items", "items", "fixed:200",
        (0.05, 0.1, 0.25), files=("p3",), mean=0.92, worst=1.01, quick=False),
    Row("items-few", "same number of items, 1 %, 2,000 B", "items",
        "fixed:2000", (0.01,), files=("p3",), mean=0.92, worst=1.01,
        quick=False),
    Row("items-ormbusy", "same number of items, ormbusy", "items", "fixed:200",
        (0.25,), traces=(), files=("ormbusy",), mean=0.92, worst=1.01,
        quick=False),
    Row("overwrite", "20 % overwrites", "resident", "fixed:200", (55,),
        files=("p3",), overwrite=20, itself=1.02, quick=False),
)
