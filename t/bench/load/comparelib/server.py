# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Starts a server, asks it small things, and stops it."""

import os
import random
import resource
import signal
import socket
import subprocess
import time


class ServerError(Exception):
    pass


# None that the kernel gives to clients, nor the other tests choose from.
PORTS = range(32001, 32768)


def free_port():
    # Two that run at once should not find the same one.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerError("no free port")


class Server:
    """One running server. A context manager: leaving it stops the server."""

    def __init__(self, binary, *, threads=1, memory_mb=64, connections=1024,
                 options=(), cpus=None, wrapper=(), patience=60):
        self.binary = binary
        self.port = free_port()
        command = [binary, "-l", "127.0.0.1", "-p", str(self.port),
                   "-t", str(threads), "-m", str(memory_mb),
                   "-c", str(connections + 100), *options]
        if os.geteuid() == 0:
            command += ["-u", "root"]
        if cpus and not wrapper:
            command = ["taskset", "-c", ",".join(map(str, cpus))] + command
        files = connections + 100

        def limit_files():
            # Valgrind keeps 12 for itself and lets nobody change the hard
            # limit, which memcached sets to the number of connections.
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files + 12))

        self._process = subprocess.Popen(
            [*wrapper, *command], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, preexec_fn=limit_files if wrapper else None)
        self.pid = self._process.pid  # taskset becomes the server
        self._wait(patience)

    def _wait(self, patience):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise ServerError(
                    f"{self.binary} did not start: "
                    + self._process.stderr.read().decode(errors="replace"))
            try:
                with self.connect():
                    return
            except OSError:
                time.sleep(0.01)
        self.stop()
        raise ServerError(f"{self.binary} does not answer")

    def connect(self, source=None):
        address = (source, 0) if source else None
        return socket.create_connection(("127.0.0.1", self.port), timeout=30,
                                        source_address=address)

    def alive(self):
        return self._process.poll() is None

    def stats(self):
        with self.connect() as connection:
            connection.sendall(b"stats\r\n")
            text = b""
            while not text.endswith(b"END\r\n"):
                more = connection.recv(65536)
                if not more:
                    raise ServerError(f"{self.binary} closed during stats")
                text += more
        pairs = (line.split(" ", 2) for line in text.decode().split("\r\n"))
        return {p[1]: p[2] for p in pairs if p[0] == "STAT" and len(p) > 2}

    def settle(self, patience=60):
        """Waits until a growing table has grown."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.stats().get("hash_is_expanding", "0") == "0":
                return
            time.sleep(0.1)

    def cpu_ns(self):
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def ticks(self):
        """User and system time in clock ticks."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    def rss_kb(self):
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    def stop(self):
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
