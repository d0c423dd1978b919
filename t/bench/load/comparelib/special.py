# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Figures that the load generator does not give: memory of connections and
items, the cost of accepting. Each returns one number; its unit is in UNITS."""

import dataclasses
import os
import resource
import socket
import time

from . import measure
from .rows import KEY_BYTES

UNITS = {"idle": "B", "partial": "B", "closed": "B", "accept": "ns",
         "item": "B", "whole": "B", "held": "items"}
CONNECTIONS = 2000
QUESTION = b"get k000000000000001\r\n"


def _read_to(connection, ending):
    text = b""
    while not text.endswith(ending):
        more = connection.recv(65536)
        if not more:
            raise measure.WrongAnswer("the server closed a connection")
        text += more
    return text


def _ask(connection):
    connection.sendall(QUESTION)
    _read_to(connection, b"END\r\n")


def _settled_rss(server):
    time.sleep(1.2)  # buffers that are given back by a timer
    return server.rss_kb() * 1024


def _open_many(server, count, send):
    connections = []
    for _ in range(count):
        connection = server.connect()
        send(connection)
        connections.append(connection)
    return connections


def _send_partial(connection):
    connection.sendall(b"get k0000000000000")


def _memory_of_connections(server, kind):
    # What the first connections allocate once for all is not theirs.
    for connection in _open_many(server, 20, _ask):
        connection.close()
    before = _settled_rss(server)
    send = _send_partial if kind == "partial" else _ask
    connections = _open_many(server, CONNECTIONS, send)
    during = _settled_rss(server)
    for connection in connections:
        connection.close()
    after = _settled_rss(server)
    return ((after if kind == "closed" else during) - before) / CONNECTIONS


def _connect_and_close(server, count, source):
    connections = [server.connect(source) for _ in range(count)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(QUESTION)
    for connection in connections:
        _read_to(connection, b"END\r\n")
        connection.close()


def accept(server, cpus, seconds):
    """CPU time of the server per connection that is made, asks once and
    ends."""
    own_cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus or own_cpus)
    count = 0
    before = server.cpu_ns()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # One address has too few ports for connections that wait to be
        # forgotten.
        _connect_and_close(server, 50, f"127.0.{1 + count // 10000}.1")
        count += 50
    time.sleep(0.02)
    os.sched_setaffinity(0, own_cpus)
    return (server.cpu_ns() - before) / count


def _raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def once(generator, binary, row):
    """A memory figure, of a fresh server: memory that was used before is not
    untouched."""
    _raise_file_limit()
    row = dataclasses.replace(row, connections=CONNECTIONS + 100)
    with measure.start(binary, row) as server:
        if row.special == "item":
            before = _settled_rss(server)
            generator.preload(server, row)
            used = _settled_rss(server) - before
            return used / row.keys - KEY_BYTES - row.value
        generator.preload(server, row)
        if row.special == "whole":
            return _settled_rss(server) / row.keys - KEY_BYTES - row.value
        if row.special == "held":
            return int(server.stats()["curr_items"])
        return _memory_of_connections(server, row.special)
