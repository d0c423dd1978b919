# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What the clients in Python share: their arguments and their checks."""

import sys


class Words:
  """PORT text|binary [ca=FILE] [user=NAME password=WORD] [refused]"""

  def __init__(self, words):
    self.port = int(words[0])
    self.binary = words[1] == "binary"
    self.ca = self.user = self.password = None
    self.refused = "refused" in words[2:]
    for word in words[2:]:
      name, _, value = word.partition("=")
      setattr(self, name, value or True)


def equal(have, want):
  """One check; the first that fails ends the program."""
  caller = sys._getframe(1)  # pylint: disable=protected-access
  where = f"{caller.f_code.co_name}, line {caller.f_lineno}"
  if have != want:
    print(f"not ok - {where}: {have!r:.300} is not {want!r:.300}", flush=True)
    sys.exit(1)
  print(f"ok - {where}", flush=True)


def raises(kind, function, *arguments):
  """One check: that call ends with this kind of exception."""
  caller = sys._getframe(1)  # pylint: disable=protected-access
  where = f"{caller.f_code.co_name}, line {caller.f_lineno}"
  try:
    said = function(*arguments)
  except kind:
    print(f"ok - {where}", flush=True)
    return
  print(f"not ok - {where}: {said!r:.300} is no {kind}", flush=True)
  sys.exit(1)


def main(library, use):
  """use(words), or 77 if the library is not installed."""
  if library is None:
    print("the library is not installed")
    sys.exit(77)
  use(Words(sys.argv[1:]))
