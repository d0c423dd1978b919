# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Brings replies of memcached and of cucached into one form for a comparison.

What remains different afterwards is a difference that nobody decided on.
"""

import base64
import re
import struct

import grammar

TTL = re.compile(rb"^((?:VA \d+|HD|NS|EX|NF|EN)(?: \S+)*?) ([tl])-?\d+", re.M)


# The binary commands that answer with a value.
GETS = {0x00, 0x09, 0x0c, 0x0d, 0x1d, 0x1e, 0x23, 0x24}


def unpad(reply):
  """A number that lost digits is padded by memcached: 99 and a space."""
  def shorter(match):
    text = match.group(3).rstrip(b" ")
    return match.group(1) + b"%d" % len(text) + match.group(2) + text + b"\r\n"

  reply = re.sub(rb"(VALUE [^ \n]+ \d+ )\d+((?: \S+)?\r\n)(\d+ *)\r\n", shorter,
                 reply)
  reply = re.sub(rb"(VA )\d+((?: \S+)*\r\n)(\d+ *)\r\n", shorter, reply)
  return re.sub(rb"^((?:VA \d+|HD)(?: [^ \r\n]+)*?) s\d+", rb"\1 s#", reply,
                flags=re.M)


def lost_replies(unused_reply):
  """memcached loses the replies to what came before in the same read."""
  return b"(a get with a key that is too long)\r\n"


def plain_keys(reply):
  """memcached forgets that a key came as base64 when the item is copied."""
  def plain(match):
    try:
      return b" k" + base64.b64decode(match.group(1), validate=True)
    except ValueError:
      return match.group(0)

  return re.sub(rb" k(\S+) b(?=[ \r])", plain, reply)


LONG_KEY = re.compile(rb"^(?:gets?|gats?) .*\S{251}", re.M)
LONG_OPAQUE = re.compile(rb"^m[gsda] .* O\S{32}", re.M)
LONG_VALUE = re.compile(rb"^ms \S+ 1048577 ", re.M)


def half_done(request):
  """Whether memcached does a part of what it refuses."""
  return (LONG_KEY.search(request) or LONG_OPAQUE.search(request) or
          LONG_VALUE.search(request))


def state(reply):
  """What `mg <key> f s v t h c k u` shows of all keys."""
  reply = re.sub(rb" h\d c(\d+) k(num\d?\r)", rb" h# c\1 k\2",
                 plain_keys(reply))
  # ma sets the old item's, which is lost when the number gets longer.
  reply = re.sub(rb" t\S+((?: \S+)* knum\d?\r)", rb"\1", reply)
  # Never, or a time that is far away: a second more or less does not count.
  reply = re.sub(rb" t(\d+)",
                 lambda t: b" T%d" % round(int(t.group(1)), -2), reply)
  return text(unpad(reply), b"").replace(b" t-1", b" never")


def refused_first(reply):
  """memcached finds a wrong opaque only when the rest is done."""
  return re.sub(rb"^(?:CLIENT_ERROR cannot increment|SERVER_ERROR object too)"
                rb"[^\r]*", b"CLIENT_ERROR opaque token too long", reply,
                flags=re.M)


# What a server counts or lists, and whether its crawler has work.
COUNTED = re.compile(rb"^(?:STAT|ITEM|PREFIX|key=|mg) ?[^\n]*\n", re.M)
BACKGROUND = re.compile(
    rb"^(?:OK|ERROR an [^\r]*|BUSY currently [^\r]*|"
    rb"NOTSTARTED no [^\r]*|NOSPARE [^\r]*)\r\n(?:END?\r\n)?", re.M)
ADMIN = re.compile(rb"^(?:stats|slabs|lru_crawler)", re.M)


def uncounted(reply):
  return BACKGROUND.sub(b"OK\r\n", COUNTED.sub(b"", reply))


# The deliberate differences: the heading in doc/differences.md, the requests
# that show it (None: any), and how both sides' replies lose it.
RULES = [
    ("Numbers are not padded", None, unpad),
    ("A key that is too long", LONG_KEY, lost_replies),
    ("An opaque that is too long", LONG_OPAQUE, refused_first),
    ("Statistics", ADMIN, uncounted),
    ("Binary keys", re.compile(rb"^m[gsda] .* k\b", re.M), plain_keys),
]


def text(reply, request):
  """What must be the same on both sides, for text and meta."""
  reply = keep_own_cas(reply)
  for _ in range(2):
    reply = TTL.sub(rb"\1 \2#", reply)
  reply = re.sub(rb"^ME .*$", rb"ME #", reply, flags=re.M)
  for _, pattern, change in RULES:
    if pattern is None or pattern.search(request):
      reply = change(reply)
  return reply


def keep_own_cas(reply):
  """Ids that a client chose must agree, the server's own need not."""
  def masked(match):
    number = match.group(2)
    own = int(number) in grammar.CAS_IDS
    return match.group(1) + (number if own else b"#")

  reply = re.sub(rb"^(VALUE [^ \n]+ \d+ \d+ )(\d+)(?=\r\n)", masked, reply,
                 flags=re.M)
  return re.sub(rb"^((?:VA \d+|HD|NS|EX|NF)(?: \S+)*? c)(\d+)", masked, reply,
                flags=re.M)


def binary(reply):
  """Masks the CAS fields of binary replies; the rest must agree."""
  out, at = b"", 0
  while at + 24 <= len(reply) and reply[at] == 0x81:
    body = struct.unpack_from(">I", reply, at + 8)[0]
    cas = struct.unpack_from(">Q", reply, at + 16)[0]
    head = reply[at:at + 16]
    rest = reply[at + 24:at + 24 + body]
    if head[:2] == b"\x81\x10" and head[2:4] != b"\0\0":
      at += 24 + body  # a row of statistics
      continue
    if reply[at + 1] in GETS:
      rest = re.sub(rb"(\d) +$", rb"\1", rest)
      head = head[:8] + struct.pack(">I", len(rest)) + head[12:]
    keep = cas == 0 or cas in grammar.CAS_IDS
    out += head + (b"%d" % cas if keep else b"#") + rest
    at += 24 + body
  return out + reply[at:]
