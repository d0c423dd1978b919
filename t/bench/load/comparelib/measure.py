# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""One measurement: one server, one row, once."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from . import tools
from .server import Server, ServerError

IO_CALLS = {"read", "readv", "recvfrom", "recvmsg", "write", "writev",
            "sendto", "sendmsg", "epoll_wait", "epoll_pwait", "epoll_ctl",
            "poll", "io_uring_enter"}


class WrongAnswer(Exception):
    """A server that answered wrongly, or died."""


class Generator:
    def __init__(self, binary):
        self.binary = binary

    def run(self, server, row, arguments, cpus=None, connections=None,
            wrapper=()):
        command = [*wrapper, self.binary,
                   f"--port={server.port}", f"--pid={server.pid}",
                   f"--keys={row.keys}", f"--value_size={row.value}",
                   f"--connections={connections or row.connections}",
                   *arguments]  # of two alike the last counts
        if cpus:
            command = ["taskset", "-c", ",".join(map(str, cpus))] + command
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise WrongAnswer(f"{server.binary}: {row.name}: "
                              f"{done.stderr.strip()}")
        return json.loads(done.stdout)

    def preload(self, server, row):
        pipeline = max(1, min(200, 200000 // (row.value + 100)))
        self.run(server, row, ["--op=load", f"--pipeline={pipeline}"],
                 connections=4)
        server.settle()


def start(binary, row, wrapper=(), patience=60):
    cpus, _ = tools.split_cpus(row.server_threads)
    return Server(binary, threads=row.server_threads,
                  memory_mb=row.memory_mb, connections=row.connections,
                  options=row.server_options, cpus=cpus, wrapper=wrapper,
                  patience=patience)


def generator_arguments(row, seconds, rate):
    _, cpus = tools.split_cpus(row.server_threads)
    threads = min(len(cpus or os.sched_getaffinity(0)), 4)
    # Beside a server that has all CPUs, more threads only fight it.
    if cpus is None:
        threads = min(threads, 2)
    if row.fresh_requests:
        length = [f"--requests={row.fresh_requests}"]
    else:
        length = [f"--seconds={seconds}", f"--warmup={min(0.2, seconds / 3)}"]
    arguments = [*row.load, *length, f"--threads={threads}"]
    if rate:
        # Who polls would leave nothing to a generator beside it.
        spin = cpus is not None and not row.beside
        arguments += [f"--rate={rate:.0f}"] + ["--spin"] * spin
    return arguments, cpus


def once(generator, server, row, seconds, rate=0):
    arguments, cpus = generator_arguments(row, seconds, rate)
    with beside(generator, server, row, seconds, cpus):
        return generator.run(server, row, arguments, cpus)


@contextlib.contextmanager
def beside(generator, server, row, seconds, cpus):
    """The second generator of a row that has one. It is of a class that any
    other thread displaces at once: where both generators share a processor, the
    first would wait for time slices of one that a fast server keeps busy."""
    if not row.beside:
        yield
        return
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(
            generator.run, server, row,
            [*row.beside, f"--seconds={seconds + 0.3}"], cpus,
            wrapper=("chrt", "--idle", "0"))
        time.sleep(0.1)  # it is under way
        yield
        other.result()


def _stop_tracer(tracer):
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(30)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait()


def _traced_calls(generator, server, row, requests):
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as out:
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-p", str(server.pid), "-o", out.name],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            line = tracer.stderr.readline()
            if "attached" not in line:
                return None
            time.sleep(0.3)  # one message only for many threads
            done = generator.run(server, row,
                                 [*row.load, f"--requests={requests}"])
        finally:
            _stop_tracer(tracer)
            tracer.stderr.close()
        calls = {}
        for line in out.read().split("\n"):
            found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?"
                             r"(\w+)$", line)
            if found:
                calls[found.group(2)] = int(found.group(1))
        calls.pop("total", None)
        return done["requests"], calls


def system_calls(generator, server, row, requests=2000):
    """System calls per request by name, from the difference of two runs of
    different length, so that connecting does not count. None where strace may
    not attach."""
    try:
        few = _traced_calls(generator, server, row, requests)
        many = _traced_calls(generator, server, row, 3 * requests)
    except FileNotFoundError:
        return None
    if not few or not many or many[0] <= few[0]:
        return None
    calls = {name: max(0, many[1].get(name, 0) - few[1].get(name, 0)) /
             (many[0] - few[0]) for name in many[1]}
    calls = {name: n for name, n in calls.items() if n > 0.0005}
    calls["io"] = sum(n for name, n in calls.items() if name in IO_CALLS)
    return calls


def _count_of_threads(folder):
    """Instructions by number of the thread."""
    counts = {}
    for path in pathlib.Path(folder).glob("callgrind.out-*"):
        found = re.search(r"^(?:summary|totals):\s*(\d+)", path.read_text(),
                          re.MULTILINE)
        if found:
            counts[path.name] = int(found.group(1))
    return counts


def _instructions_of_run(generator, binary, row, runs):
    with tempfile.TemporaryDirectory() as folder:
        wrapper = ("valgrind", "--tool=callgrind", "-q",
                   "--separate-threads=yes",
                   f"--callgrind-out-file={folder}/callgrind.out")
        with start(binary, row, wrapper, patience=120) as server:
            generator.run(server, row, ["--op=load", "--pipeline=100"],
                          connections=1)
            answered = 0
            for _ in range(runs):
                done = generator.run(
                    server, row, [*row.load, f"--requests={row.instructions}"],
                    connections=1)
                answered += done["requests"] * row.keys_per_request
        counts = _count_of_threads(folder)
    if not counts:
        raise ServerError(f"{binary}: callgrind wrote no total")
    return answered, counts


def instructions(generator, binary, row):
    """User-space instructions per request (of a multiget: per key) of the
    worker, from the difference of two runs under callgrind of which one asks
    three times as much. Threads that work by the clock are left out: how much
    they do depends on how slow callgrind is."""
    few, few_counts = _instructions_of_run(generator, binary, row, 1)
    many, many_counts = _instructions_of_run(generator, binary, row, 3)
    worker = max(many_counts, key=lambda thread: many_counts[thread]
                 - few_counts.get(thread, 0))
    more = many_counts[worker] - few_counts.get(worker, 0)
    return more / (many - few)
