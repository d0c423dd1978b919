# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""Makes odd and broken commands for scripts/diff-memcached.

Every choice comes from the random source that the caller seeds.  Times to live
are far from running out, or have run out long ago, so that the two servers'
clocks do not matter.
"""

import base64
import re
import struct

import grammar_rare

# Ids that a client chose; far apart, so that no server's own id meets them.
CAS_IDS = [7_000_000_000 + 1_000_000_000 * n for n in range(6)]

# Only these are counted up and down, and nothing is appended to them: how a
# number that lost digits is kept differs, and would show in what comes after.
# Nor do they get a value without a visible character: memcached would go on
# reading behind its end, in what an older item left there.
NUMERIC = [b"num", b"num2", b"num3"]
KEYS = [b"a", b"b", b"num", b"num2", b"num3", b"foo", b"key:1", b"key:2",
        b"stale", b"\xc3\xa9", b"HTTP/1.1", b"noreply", b"get", b"k" * 250]
# Those that meta commands can name without base64.
STATE_KEYS = KEYS
ODD_KEYS = [b"", b"k" * 251, b"k" * 300, b"a\0b", b"a\tb", b"a\rb", b"!",
            b"$$"]
NUMBERS = [b"0", b"1", b"2", b"5", b"10", b"99", b"100", b"4294967295"]
ODD_NUMBERS = [b"", b"-1", b"x", b"1x", b"+1", b"4294967296",
               b"18446744073709551615", b"18446744073709551616", b"1.5",
               b"0x10", b"01", b"99999999999999999999999", b"\xff"]
# Not 2^31 to 2^63: times, of which memcached looks at 32 bits.
ODD_TTLS = [b"", b"x", b"1x", b"1.5", b"0x10", b"-0", b"\xff",
            b"99999999999999999999999"]
TTLS = [b"0", b"0", b"0", b"1000", b"100000", b"-1", b"2592001"]
VALUES = [b"", b"1", b"5", b"100", b"18446744073709551615", b"abc", b"hello",
          b"1 ", b" 7", b"-3", b"007", b"x" * 30, b"y" * 300, b"z" * 2000,
          b"\r\n", b"a\r\nb", b"\0\xff", b"END\r\n"]
# One chunk, several, and more than an item may have.
LARGE_VALUES = [b"c" * 20_000, b"d" * 600_000, b"e" * 1_048_577]
STORES = [b"set", b"set", b"set", b"add", b"replace", b"append", b"prepend"]
UNKNOWN = [b"bget", b"noop", b"lease-get", b"metaget", b"STATS", b"Get", b"m",
           b"mx", b"stat", b"getx", b"x", b"", b" ", b"quitter", b"versions",
           b"config get cluster", b"touchy a 1", b"mnn", b"decrement a 1"]
OPAQUE = b"opaque0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_numeric(key):
  return key in NUMERIC or key in [base64.b64encode(name) for name in NUMERIC]


class Case:
  """What one connection sends, and how."""

  def __init__(self, request, binary=False, divisible=True):
    self.request = request
    self.binary = binary
    self.divisible = divisible
    self.cuts = []  # where packets end
    self.half_close = False
    self.pause = 0  # seconds before anything may follow

  def packets(self):
    ends = self.cuts + [len(self.request)]
    return [self.request[begin:end] for begin, end in zip([0] + ends, ends)]


class Generator:
  """Cases of the kinds that were asked for."""

  def __init__(self, source, kinds):
    self.random = source
    self.kinds = kinds
    self.alone = True  # nothing follows that would show what was done

  def case(self):
    case = self._any_case()
    length = len(case.request)
    if not case.divisible:
      return case
    if self._odd(0.004) and 1 < length < 150:
      case.cuts = list(range(1, length))
    elif self._odd(0.03) and length > 4:
      case.cuts = sorted(self.random.sample(range(1, length), 3))
    case.half_close = self._odd(0.01)
    return case

  def _any_case(self):
    kind = self.random.choice(self.kinds)
    if kind == "binary":
      if self._odd(0.01):
        return Case(grammar_rare.no_request(self.random), True)
      # Wrong lengths: memcached waits for all that they promise.
      rare = self._odd(0.2)
      packets = [self.binary(rare) for _ in range(self.random.randint(1, 4))]
      if rare:
        packets.append(grammar_rare.packet(self.random))
        self.random.shuffle(packets)
      request = b"".join(packets)
      return Case(request, True, not rare)
    if kind == "admin" and self._odd(0.02):
      case = Case(grammar_rare.dump(self.random), divisible=False)
      case.pause = 0.05
      return case
    make = {"text": self.text, "meta": self.meta, "admin": self.admin}[kind]
    count = self.random.choice([1, 1, 1, 2, 3, 6])
    self.alone = count == 1
    request = b"".join(make() for _ in range(count))
    # Half a word is a whole one to memcached, if an administrator says it.
    if self._odd(0.04) and kind != "admin":
      request = self._damage(request)
    if b"watch" not in request and b"dump " not in request:
      return Case(request)
    # Those ask for what has been sent, and that of a large value is, at once.
    if len(request) > 999:
      return self._any_case()
    return Case(request, divisible=False)

  def admin(self):
    """With something between that is counted and listed."""
    pick = self.random.random()
    if pick < 0.01:
      return grammar_rare.watch(self.random)
    if pick < 0.25:
      return self.text()
    return grammar_rare.admin(self.random)

  def _damage(self, request):
    """One byte changed, lost or doubled; newlines stay."""
    at = self.random.randrange(len(request))
    if request[at:at + 1] in b"\r\n-0123456789":
      return request  # a number must not become a short time to live
    change = self.random.randrange(3)
    if change == 0:
      byte = self.random.choice(b" abcgmstvq!-\x80")
      return request[:at] + bytes([byte]) + request[at + 1:]
    if change == 1:
      return request[:at] + request[at + 1:]
    return request[:at] + request[at:at + 1] + request[at:]

  def _odd(self, chance=0.06):
    return self.random.random() < chance

  def _key(self):
    return self.random.choice(ODD_KEYS if self._odd(0.04) else KEYS)

  def _number(self):
    return self.random.choice(ODD_NUMBERS if self._odd() else NUMBERS)

  def _ttl(self):
    return self.random.choice(ODD_TTLS if self._odd(0.03) else TTLS)

  def _end(self):
    return b"\n" if self._odd(0.03) else b"\r\n"

  def _noreply(self):
    return self.random.choice([b"", b"", b"", b"", b" noreply", b" extra"])

  def _value(self, key):
    value = self.random.choice(VALUES)
    return b"5" if is_numeric(key) and not value.strip() else value

  def _data(self, key):
    """(what is said of the length, the block with its end)"""
    value = self._value(key)
    if self._odd(0.03):
      return b"%d" % max(0, len(value) - self.random.randint(1, 3)), (
          value + b"\r\n")
    if self._odd(0.01):
      return b"%d" % (len(value) + self.random.randint(1, 3)), value + b"\r\n"
    if self._odd(0.02):
      return self.random.choice(ODD_NUMBERS), value + b"\r\n"
    if self._odd(0.01):
      value = self.random.choice(LARGE_VALUES)
    return b"%d" % len(value), value + b"\r\n"

  def text(self):
    pick = self.random.random()
    if pick < 0.30:
      return self._store()
    if pick < 0.55:
      return self._fetch()
    if pick < 0.70:
      word = self.random.choice([b"incr", b"decr"])
      key = self.random.choice(NUMERIC + [b"none"])
      return b"%s %s %s%s%s" % (word, key, self._number(), self._noreply(),
                                self._end())
    if pick < 0.80:
      return b"delete %s%s%s" % (self._key(), self._noreply(), self._end())
    if pick < 0.88:
      return b"touch %s %s%s%s" % (self._key(), self._ttl(), self._noreply(),
                                   self._end())
    if pick < 0.94:
      return self._text_odd()
    return self.random.choice(UNKNOWN) + self._end()

  def _store(self):
    key = self._key()
    length, block = self._data(key)
    if self._odd(0.12):
      cas = b"%d" % self.random.choice(CAS_IDS)
      cas = self._number() if self._odd(0.1) else cas
      return b"cas %s %s %s %s %s%s\r\n%s" % (
          key, self._flags(), self._ttl(), length, cas,
          self._noreply(), block)
    word = self.random.choice(STORES)
    if word in (b"append", b"prepend") and key in NUMERIC:
      word = b"set"
    return b"%s %s %s %s %s%s\r\n%s" % (
        word, key, self._flags(), self._ttl(), length, self._noreply(), block)

  def _flags(self):
    """Numbers over 32 bits are a documented difference."""
    flags = self._number()
    return b"7" if flags.isdigit() and int(flags) > 4294967295 else flags

  def _fetch(self):
    keys = b" ".join(self._key()
                     for _ in range(self.random.choice([1, 1, 1, 2, 4, 30])))
    word = self.random.choice([b"get", b"get", b"gets", b"gat", b"gats"])
    if word in (b"gat", b"gats"):
      return b"%s %s %s%s" % (word, self._ttl(), keys, self._end())
    return b"%s %s%s" % (word, keys, self._end())

  def _text_odd(self):
    """Too few words, too many words, odd words."""
    word = self.random.choice([b"get", b"gets", b"gat", b"delete", b"incr",
                               b"touch", b"set", b"add", b"cas", b"verbosity",
                               b"version", b"mn", b"slabs", b"lru",
                               b"cache_memlimit", b"stats bogus",
                               b"lru_crawler"])
    # Not as many words as would make set wait for data.
    limit = 3 if word in (b"set", b"add", b"cas") else 6
    if word in (b"slabs", b"lru", b"lru_crawler", b"cache_memlimit",
                b"stats bogus"):
      limit = 0
    words = [self.random.choice([self._key(), b"x", b"bogus"])
             for _ in range(self.random.randint(0, limit))]
    return b" ".join([word] + words) + self._end()

  def meta(self):
    pick = self.random.random()
    flags = self._meta_flags()
    key = self._meta_key(flags, self._key())
    if is_numeric(key):  # memcached forgets h when the number gets longer
      flags = re.sub(rb" (?:N\S*|x|I|h)", b"", flags)
    if pick < 0.35:
      return b"mg %s%s%s" % (key, flags, self._end())
    if pick < 0.65:
      length, block = self._data(key)
      if b" C" in flags:  # older than an id that the server chose?
        flags = flags.replace(b" I", b"")
      if is_numeric(key):
        flags = re.sub(rb" M[AP]", b" MS", flags)
      # The id of a store that failed so is that of the next one in memcached.
      if length != b"%d" % (len(block) - 2) or re.search(rb" O\S{32}", flags):
        flags = re.sub(rb" E\d+", b"", flags)
      return b"ms %s %s%s\r\n%s" % (key, length, flags, block)
    if pick < 0.78:
      return b"md %s%s%s" % (key, flags, self._end())
    if pick < 0.93:
      key = self._meta_key(flags, self.random.choice(NUMERIC + [b"none"]))
      # memcached forgets E, and the marks of I, when the number gets longer.
      flags = re.sub(rb" E\d+", b"", flags)
      return b"ma %s%s%s" % (key, flags, self._end())
    return self.random.choice([b"mn\r\n", b"mn x\r\n", b"mg\r\n", b"ms\r\n",
                               b"md\r\n", b"ma\r\n", b"me\r\n", b"mg \r\n",
                               b"me nothing\r\n", b"mz a\r\n", b"ms a\r\n"])

  def _meta_key(self, flags, key):
    """A plain key is no base64, unless its letters happen to be."""
    if b" b" in flags and (key in NUMERIC or not self._odd()):
      key = base64.b64encode(key)
    return key

  def _meta_flags(self):
    letters = b"bkOqcCEfFstvhuTNRMJDIxPLzS!1"
    weights = [2, 4, 4, 4, 4, 2, 4, 4, 3, 4, 4, 8, 3, 2, 3, 3, 2, 4, 2, 3, 3,
               2, 1, 1, 0.3, 0.3, 0.2, 0.2]
    count = self.random.choice([0, 1, 1, 2, 2, 3, 4, 6, 9, 18])
    picked = self.random.choices(letters, weights, k=count)
    if self.random.random() < 0.85:
      picked = list(dict.fromkeys(picked))
    return b"".join(b" " + self._flag(bytes([letter])) for letter in picked)

  def _flag(self, letter):
    if self._odd(0.03):
      return letter + self.random.choice(ODD_TTLS)
    if letter == b"O":
      # One that is too long is refused, but memcached acts before it says so.
      most = [32, 40] if self.alone else [31]
      return letter + OPAQUE[:self.random.choice([0, 1, 3, 8, 31] + most)]
    if letter in (b"C", b"E"):
      return letter + b"%d" % self.random.choice(CAS_IDS)
    if letter in (b"T", b"N"):
      return letter + self.random.choice([b"0", b"1000", b"100000"])
    if letter == b"R":
      return letter + self.random.choice([b"0", b"30", b"1000000"])
    if letter in (b"F", b"J", b"D"):
      number = self._number()
      return letter + (b"5" if letter == b"F" and number.isdigit()
                       and int(number) > 4294967295 else number)
    if letter == b"M":
      return letter + self.random.choice([b"E", b"A", b"P", b"R", b"S", b"I",
                                          b"D", b"+", b"-", b"X", b"set"])
    if letter in (b"P", b"L"):
      return letter + b"/path"
    return letter

  def binary(self, odd_lengths):
    """A packet that is right in most fields."""
    opcode = self.random.choice(
        [0x00, 0x00, 0x01, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09,
         0x0a, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
         0x19, 0x1a, 0x1c, 0x1d, 0x1e, 0x23, 0x24, 0x30, 0x40, 0xff])
    key = self.random.choice(KEYS)
    value = b""
    extras = b""
    ttl = int(self.random.choice([b"0", b"1000"]))
    if opcode in (0x01, 0x02, 0x03, 0x11, 0x12, 0x13):
      extras = struct.pack(">II", self.random.choice([0, 7, 0xffffffff]), ttl)
      value = self._value(key)
    elif opcode in (0x05, 0x06, 0x15, 0x16):
      key = self.random.choice(NUMERIC)
      extras = struct.pack(">QQI", self.random.choice([0, 1, 2**64 - 1]),
                           self.random.choice([0, 5]),
                           self.random.choice([0, 1000, 0xffffffff]))
    elif opcode in (0x0e, 0x0f, 0x19, 0x1a):
      key = self.random.choice([b"a", b"b", b"foo", b"key:1", b"none"])
      value = self.random.choice(VALUES)
    elif opcode in (0x1c, 0x1d, 0x1e, 0x23, 0x24):
      extras = struct.pack(">I", ttl)
    elif opcode in (0x08, 0x0a, 0x30, 0x40, 0xff):
      # Behind the body of an opcode that it does not know, memcached loses
      # its place in the stream: those come without one.
      key = b""
    if odd_lengths and self._odd(0.2) and opcode < 0x30:
      extras += b"x" * self.random.randint(1, 4)
    if odd_lengths and self._odd(0.15) and opcode < 0x30:
      key = self.random.choice(ODD_KEYS)
    cas = 0
    if self._odd(0.1) and opcode not in (0x0a, 0x08):
      cas = self.random.choice(CAS_IDS)
    head = struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(extras) + len(key) + len(value),
                       self.random.getrandbits(32), cas)
    return head + extras + key + value


def transcript_bytes(line):
  """What a line of a transcript sends; {name} of an id stays, to be seen."""
  end = b"\r\n" if line.startswith("> ") else b""
  text = line[2:] if end else line[3:]

  def token(match):
    found = match.group(0)
    repeat = re.fullmatch(r"\{rep:(.*):(\d+)\}", found, re.S)
    if repeat:
      return repeat.group(1) * int(repeat.group(2))
    if found.startswith("\\x"):
      return chr(int(found[2:], 16))
    simple = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\0": "\0",
              "\\\\": "\\", "\\{": "\x7b"}
    return simple.get(found, found)

  out = re.sub(r"\\x[0-9a-fA-F]{2}|\\.|\{rep:[^}]*\}", token, text)
  return out.encode("latin-1", "ignore") + end
