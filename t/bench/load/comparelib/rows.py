# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The rows of the comparison: what is asked of both servers.

A row names the arguments of the load generator, what is stored before, and the
options that both servers get. target is the highest ratio of CPU time per
request, cucached to memcached, that the design allows; None where it names
none.
"""

import dataclasses

SMALL = 10_000
MANY = 3_000_000
MOST = 10_000_000
KEY_BYTES = 16  # the load generator's default
META = ("--protocol=meta",)
BINARY = ("--protocol=binary",)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    label: str
    load: tuple = ()
    keys: int = SMALL
    value: int = 32
    target: float | None = None
    preload: bool = True
    connections: int = 50
    server_threads: int = 1
    memory_mb: int = 1024
    server_options: tuple = ()
    # A new server for each measurement, which lasts for so many requests.
    fresh_requests: int = 0
    # Open loop at this share of what memcached reached in a closed loop.
    open_share: float = 0
    # Arguments of a second generator that runs at the same time; then the
    # figure is the 99th percentile of the latency of the first.
    beside: tuple = ()
    # Figures other than those of the load generator; see special.py.
    special: str = ""
    syscalls: bool = False
    instructions: int = 0  # requests of the instruction count; 0: none
    keys_per_request: int = 1
    more_is_better: bool = False
    long: bool = False  # left out by --quick


def _get(name, label, *load, **more):
    return Row(name, label, ("--op=get", "--expect_hits") + load, **more)


def _set(name, label, *load, **more):
    return Row(name, label, ("--op=set",) + load, **more)


ONE_AT_A_TIME = [
    _get("get", "get 32 B", target=0.83, syscalls=True, instructions=20000),
    _get("get-1k", "get 1 KB", value=1024, target=0.78, syscalls=True),
    _get("get-100k", "get 100 KB", "--check=10", value=102400, keys=1000),
    _get("get-1m", "get 1 MB", "--check=10", value=1000000, keys=200),
    _get("get-3m", "get, 3 M keys", keys=MANY, target=0.77),
    Row("get-miss", "get, miss",
        ("--op=get", "--expect_misses", "--key_base=100000000")),
    _get("get-hot", "get, one hot key", "--dist=one"),
    _get("get-zipf", "get, Zipf 0.99, 3 M keys", "--dist=zipf", keys=MANY),
    _set("set", "set 32 B", target=0.83, syscalls=True, instructions=20000),
    _set("set-1k", "set 1 KB", value=1024, target=0.80, syscalls=True),
    _set("set-100k", "set 100 KB", value=102400, keys=1000),
    _set("set-1m", "set 1 MB", value=1000000, keys=200),
    Row("mixed", "90 % get, 10 % set", ("--op=mixed", "--expect_hits")),
    _get("mg", "mg (meta get)", *META, target=0.85, syscalls=True,
         instructions=20000),
    _set("ms", "ms (meta set)", *META),
    _get("bget", "binary get", *BINARY, target=0.85, syscalls=True,
         instructions=20000),
    _set("bset", "binary set", *BINARY),
]

PIPELINED = [
    _get("get-p20", "get pipelined by 20", "--pipeline=20", target=0.26),
    _get("get-p50", "get pipelined by 50", "--pipeline=50", target=0.10,
         syscalls=True, instructions=50000),
    _get("get-p200", "get pipelined by 200", "--pipeline=200", syscalls=True),
    Row("getq-50", "binary getq by 50",
        ("--op=getq", "--expect_hits", "--keys_per_get=50") + BINARY,
        target=0.11, syscalls=True),
    _get("mg-p50", "mg pipelined by 50", "--pipeline=50", *META, target=0.13,
         syscalls=True, instructions=50000),
    Row("mgq-50", "quiet mg by 50",
        ("--op=getq", "--expect_hits", "--keys_per_get=50") + META),
    _set("set-p50", "set pipelined by 50", "--pipeline=50", target=0.23,
         syscalls=True, instructions=50000),
    _set("ms-p50", "ms pipelined by 50", "--pipeline=50", *META),
    _get("get-p50-R1000", "get pipelined by 50, -R 1000", "--pipeline=50",
         server_options=("-R", "1000"), target=0.22),
]


def _multiget(keys_per_get, target, **more):
    value = more.get("value", 32)
    many = more.get("keys", SMALL) == MANY
    kind = "3m" if many else "1k" if value == 1024 else "32"
    text = {"3m": "3 M keys", "1k": "1 KB", "32": "32 B"}[kind]
    name = f"mget{keys_per_get}" + ("" if kind == "32" else "-" + kind)
    return _get(name, f"multiget of {keys_per_get}, {text}",
                f"--keys_per_get={keys_per_get}", target=target,
                keys_per_request=keys_per_get, **more)


MULTIGET = [
    _multiget(24, 0.32, syscalls=True),
    _multiget(100, 0.14, syscalls=True, instructions=1000),
    _multiget(24, 0.48, value=1024),
    _multiget(100, 0.48, value=1024),
    _multiget(24, 0.20, keys=MANY),
    _multiget(100, 0.13, keys=MANY),
]

THREADS = [
    _get("t2-get", "-t 2: get", server_threads=2, target=0.90),
    _get("t2-get-hot", "-t 2: get, one hot key", "--dist=one",
         server_threads=2),
    _get("t2-get-p50", "-t 2: get pipelined by 50", "--pipeline=50",
         server_threads=2, target=0.20),
    _get("t2-hot-p50", "-t 2: one hot key by 50", "--pipeline=50",
         "--dist=one", server_threads=2),
    _get("t2-mget24", "-t 2: multiget of 24", "--keys_per_get=24",
         server_threads=2, target=0.50),
    _get("t2-mget100", "-t 2: multiget of 100", "--keys_per_get=100",
         server_threads=2, target=0.27),
    Row("t2-mixed", "-t 2: 90 % get, 10 % set, Zipf",
        ("--op=mixed", "--dist=zipf", "--expect_hits"), server_threads=2),
    _get("t4-get", "-t 4: get", server_threads=4, long=True),
    _get("t4-get-p50", "-t 4: get pipelined by 50", "--pipeline=50",
         server_threads=4, long=True),
]

CONNECTIONS = [
    _get("c1000-get", "get, 1,000 connections", connections=1000),
    _get("c10000-get", "get, 10,000 connections", connections=10000,
         long=True),
]

UNDER_WAY = [
    Row("growth", "growth from empty, sets by 20",
        ("--op=set", "--dist=seq", "--pipeline=20"), keys=MANY, preload=False,
        fresh_requests=MANY),
    Row("growth-one", "growth from empty, one set at a time",
        ("--op=set", "--dist=seq"), keys=MANY, preload=False,
        fresh_requests=MANY // 3, long=True),
    _set("evict", "set, each evicts (-m 64)", "--pipeline=20", keys=20 * MANY,
         memory_mb=64, preload=False),
    Row("evict-mixed", "90 % get, 10 % set, Zipf, evicting (-m 64)",
        ("--op=mixed", "--dist=zipf"), keys=MANY, value=200, memory_mb=64),
    _get("open-get", "get at half the rate (open loop)", open_share=0.5),
    _get("open-t2-get", "-t 2: get at half the rate (open loop)",
         server_threads=2, open_share=0.5),
    _get("greedy", "p99 beside 4 connections that pipeline 500", open_share=0.05,
         connections=20, target=1.00,
         beside=("--op=get", "--pipeline=500", "--connections=4")),
    Row("open-mixed", "mixed at half the rate (open loop)",
        ("--op=mixed", "--expect_hits"), open_share=0.5, long=True),
]

def _whole(value, target):
    """Of everything that is resident, the program itself included."""
    return [Row(f"whole-{value}{option}",
                f"memory of one of 10 M items, {value} B {option}".strip(),
                special="whole", keys=MOST, value=value, memory_mb=4096,
                server_options=(option,) if option else (), target=target,
                long=True) for option in ("", "-L")]


SPECIAL = [
    Row("idle", "user memory of an idle connection", special="idle",
        target=0.42),
    Row("idle-partial", "user memory, partial command", special="partial",
        target=0.08),
    Row("idle-closed", "user memory kept after closing", special="closed",
        target=0.07),
    Row("accept", "CPU of connect, get, close", special="accept",
        target=1.00),
    Row("item-32", "memory of an item beyond key and 32 B value",
        special="item", keys=MANY, value=32, target=0.55),
    Row("item-200", "memory of an item beyond key and 200 B value",
        special="item", keys=MANY // 2, value=200, target=0.52),
    *_whole(32, 0.55),
    *_whole(200, 0.52),
    Row("held-32", "items held at -m 64, 32 B values", special="held",
        keys=MANY // 2, value=32, memory_mb=64, target=1.35, more_is_better=True),
    Row("held-200", "items held at -m 64, 200 B values", special="held",
        keys=MANY // 4, value=200, memory_mb=64, target=1.22,
        more_is_better=True),
]

ALL = (ONE_AT_A_TIME + PIPELINED + MULTIGET + THREADS + CONNECTIONS +
       UNDER_WAY + SPECIAL)


def has_floor(row):
    """Whether t/bench/floor can serve it: gets and sets of small values and of
    keys that fit, by one thread."""
    if row.special and row.special != "accept":
        return False
    other = {"--expect_misses", "--op=mixed"}
    return (row.server_threads == 1 and row.preload and not row.beside and row.keys <= MANY
            and row.value <= 1024 and not row.fresh_requests
            and not other & set(row.load))
