# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Where the programs come from: the two servers and the load generator."""

import glob
import os
import pathlib
import subprocess
import sys

FLOOR = "floor"
TREE = pathlib.Path(__file__).resolve().parents[4]


def cache_dir():
    root = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    path = pathlib.Path(root).expanduser() / "cucache"
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    print(text, file=sys.stderr, flush=True)


def _newest(patterns):
    found = [p for pattern in patterns for p in glob.glob(pattern)
             if os.path.isfile(p) and os.access(p, os.X_OK)]
    return max(found, key=os.path.getmtime, default=None)


def built(name):
    """The newest of that name in a build folder in or below the tree."""
    return _newest([f"{TREE}/{name}", f"{TREE}/src/{name}",
                    f"{TREE}/*build*/{name}", f"{TREE}/*build*/src/{name}",
                    f"{os.getcwd()}/{name}", f"{os.getcwd()}/src/{name}"])


def find_cucached(path):
    path = path or built("cucached")
    if not path:
        sys.exit("compare: no cucached found; build it, or name it with "
                 "--cucached")
    return os.path.abspath(path)


def find_memcached(path):
    if path:
        return os.path.abspath(path)
    folder = cache_dir() / "memcached"
    binary = folder / "memcached"
    if not binary.exists():
        say(f"building memcached in {folder} ...")
        subprocess.run([str(TREE / "scripts/build-memcached"), str(folder)],
                       check=True, stdout=subprocess.DEVNULL)
    return str(binary)


def find_load(path):
    path = path or built("cucache-load") or _newest(
        [f"{TREE}/*build*/t/bench/load/cucache-load"])
    if path:
        return os.path.abspath(path)
    return _compiled("load", "-levent", "-lgflags")


def find_floor():
    return _compiled("floor")


def _compiled(name, *libraries):
    """t/bench/NAME, compiled again when a source is newer."""
    folder = TREE / "t/bench" / name
    binary = cache_dir() / f"cucache-{name}"
    sources = sorted(folder.glob("*.cc"))
    newest = max(p.stat().st_mtime for p in [*sources, *folder.glob("*.h")])
    if not binary.exists() or binary.stat().st_mtime < newest:
        say(f"compiling {folder.relative_to(TREE)} ...")
        subprocess.run(
            [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-pthread",
             f"-I{TREE}", *map(str, sources), *libraries, "-o", str(binary)],
            check=True)
    return str(binary)


def version(binary):
    done = subprocess.run([binary, "-V"], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().split("\n")[0]


def split_cpus(server_threads):
    """CPUs for the server and for the generator; (None, None) if they cannot
    be kept apart."""
    cpus = sorted(os.sched_getaffinity(0))
    if server_threads < len(cpus):
        return cpus[:server_threads], cpus[server_threads:]
    return None, None
