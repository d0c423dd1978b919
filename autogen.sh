#!/bin/sh
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
# Makes ./configure and the Makefile.in files from configure.ac.
set -e
cd "$(dirname "$0")"
command -v autoreconf >/dev/null 2>&1 || {
  echo "autogen.sh: autoreconf is missing (install autoconf and automake)" >&2
  exit 1
}
autoreconf --install --force
