# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""The commands of administrators, and packets that no client would send.

For grammar.py, which makes what clients send. Nothing here makes a server
choose something by what it has stored or by the time of day, so that two
servers with the same items answer alike; normalise.py masks what they count.
"""

import struct

ODD = [b"x", b"-1", b"", b"1x", b"+1", b"00", b"1.5", b"4294967295",
       b"4294967296", b"-2147483649", b"18446744073709551616", b"\xff",
       b"9" * 40, b"noreply"]
STREAMS = [b"fetchers", b"mutations", b"evictions", b"sysevents",
           b"connevents", b"deletions", b"rawcmds"]
CLASSES = [b"0", b"-2", b"63", b"64", b"65", b"256", b"99999", b"1,64", b",",
           b"x", b"1x", b"2,-1"] + ODD

# Words that may stand behind the name; an item that is a list is a choice.
FORMS = [
    # verbosity
    [b"verbosity"], [b"verbosity", ODD], [b"verbosity", [b"0", b"1", b"2"]],
    [b"verbosity", [b"0", b"1", b"3"], b"noreply"],
    [b"verbosity", [b"0"], [b"0", b"x"], [b"x", b"noreply"]],
    # cache_memlimit
    [b"cache_memlimit"], [b"cache_memlimit", ODD],
    [b"cache_memlimit", [b"0", b"7", b"64", b"100", b"1000000001"]],
    [b"cache_memlimit", [b"64", b"7", b"x"], [b"noreply", b"1"]],
    # flush_all
    [b"flush_all", ODD], [b"flush_all", [b"0", b"-5"]], [b"flush_all"],
    [b"flush_all", b"noreply"], [b"flush_all", [b"0", b"x"], b"noreply"],
    [b"flush_all", [b"0", b"noreply"], [b"x", b"1"]],
    # shutdown, which is not enabled
    [b"shutdown"], [b"shutdown", [b"graceful", b"x", b"noreply"]],
    [b"shutdown", b"graceful", [b"x", b"noreply"]],
    # slabs
    [b"slabs"], [b"slabs", [b"bogus", b"reassign", b"automove"]],
    [b"slabs", b"reassign", ODD],
    [b"slabs", b"reassign", [b"-2", b"64", b"99999", b"1x"], CLASSES],
    [b"slabs", b"reassign", b"1", [b"-2", b"64", b"99999", b"1x"]],
    [b"slabs", b"reassign", [b"1", b"5"], [b"1", b"5", b"x", b"99"]],
    [b"slabs", b"reassign", b"99", b"1", [b"x", b"noreply"]],
    [b"slabs", b"automove", ODD],
    [b"slabs", b"automove", [b"0", b"1", b"2", b"3"], [b"x", b"noreply"]],
    [b"slabs", b"automove", [b"ratio", b"freeratio", b"window"]],
    [b"slabs", b"automove", [b"ratio", b"freeratio"],
     [b"0.8", b"1", b"x", b"-1", b"1e3", b"0.5x", b"nan", b"inf", b"9" * 400]],
    [b"slabs", b"automove", b"window",
     [b"2", b"3", b"1800", b"1801", b"x", b"-1", b"5.5"]],
    # lru: what does not need memcached's maintainer, which is off
    [b"lru", b"bogus"], [b"lru", b"mode"], [b"lru", b"temp_ttl", ODD],
    [b"lru", b"tune"], [b"lru", b"tune", b"1", b"2", b"3"],
    [b"lru", b"tune", ODD, b"10", b"0.2", b"x"],
    # lru_crawler
    [b"lru_crawler"], [b"lru_crawler", b"bogus"],
    [b"lru_crawler", b"bogus", b"1"],
    [b"lru_crawler", [b"crawl", b"metadump", b"mgdump", b"sleep", b"tocrawl"]],
    [b"lru_crawler", b"crawl", CLASSES],
    [b"lru_crawler", b"crawl", [b"all", b"1", b"hash", b"1,2"]],
    [b"lru_crawler", [b"metadump", b"mgdump"], [b"0", b"99", b"x", b"1x"]],
    [b"lru_crawler", [b"crawl", b"mgdump"], b"all", [b"x", b"noreply"]],
    [b"lru_crawler", [b"sleep", b"tocrawl"],
     ODD + [b"0", b"100", b"1000000", b"1000001"]],
    [b"lru_crawler", b"sleep", b"100", [b"x", b"noreply"]],
    # stats
    [b"stats"], [b"stats", [b"items", b"slabs", b"settings", b"conns",
                            b"sizes", b"reset", b"bogus", b"Items"]],
    [b"stats", [b"items", b"settings", b"reset"], b"x"],
    [b"stats", b"cachedump"], [b"stats", b"cachedump", b"1"],
    [b"stats", b"cachedump", ODD, [b"0", b"x"]],
    [b"stats", b"cachedump", [b"1", b"63", b"64", b"2"], ODD + [b"1", b"0"]],
    [b"stats", b"detail"],
    [b"stats", b"detail", [b"on", b"off", b"dump", b"bogus", b"on"]],
    [b"stats", b"detail", [b"on", b"off"], b"x"],
    # the rest
    [b"version"], [b"version", [b"x", b"noreply"]],
    [b"refresh_certs", b"noreply"], [b"quit", b"x"],
    [b"extstore"], [b"extstore", b"bogus", b"1"], [b"debugtime", b"x"],
    [b"watch", b"bogus"], [b"watch", STREAMS, b"bogus"],
    [b"POST", b"/", b"HTTP/1.0"], [b"x", b"HTTP/"], [b"HTTP/1.1"],
    [b"me"], [b"me", [b"a", b"foo", b"none", b"k" * 250, b"k" * 251]],
    [b"me", [b"a", b"none"], [b"x", b"k", b"bb"]], [b"mn", b"k", b"q"],
    [b"gat"], [b"gat", b"0"], [b"gats", ODD, b"a"], [b"touch", b"a", ODD],
    [b"set"] + [b"x"] * 30, [b"mg"] + [b"a"] + [b"v"] * 30,
]


def admin(source):
  """A line of an administrator, with its line end."""
  words = [source.choice(word) if isinstance(word, list) else word
           for word in source.choice(FORMS)]
  end = b"\n" if source.random() < 0.03 else b"\r\n"
  return b" ".join(words) + end


def dump(source):
  """What stands behind one waits in memcached until more comes."""
  return b"lru_crawler %s %s\r\n" % (source.choice([b"metadump", b"mgdump"]),
                                    source.choice([b"all", b"hash", b"1,2"]))


def watch(source):
  """Nothing can follow it on its connection."""
  words = [source.choice(STREAMS) for _ in range(source.randint(0, 3))]
  return b" ".join([b"watch"] + words) + b"\r\n"


def head(source, opcode, key=0, extras=0, body=0, magic=0x80):
  """Bytes in the fields that servers do not look at may be anything."""
  datatype = source.choice([0, 0, 0, 1, 255])
  vbucket = source.choice([0, 0, 0, 1, 65535])
  return struct.pack(">BBHBBHIIQ", magic, opcode, key, extras, datatype,
                     vbucket, body, source.getrandbits(32), 0)


def packet(source):
  """One of a rare opcode, or with lengths that cannot be."""
  pick = source.randrange(6)
  if pick == 0:  # stat
    key = source.choice([
        b"", b"settings", b"items", b"slabs", b"sizes", b"reset", b"bogus",
        b"conns", b"detail", b"detail on", b"detail off", b"detail dump",
        b"detail x", b"x" * 250])
    return head(source, 0x10, len(key), 0, len(key)) + key
  if pick == 1:  # version, quit, noop, flush, SASL's list, with or without
    opcode = source.choice([0x0b, 0x0b, 0x07, 0x17, 0x0a, 0x20, 0x08, 0x18])
    return head(source, opcode)
  if pick == 2:  # flush with a time, which has passed or is far away
    extras = struct.pack(">I", source.choice([0, 0, 2**32 - 1]))
    return head(source, source.choice([0x08, 0x18]), 0, 4, 4) + extras
  # From here on what is promised comes: memcached refuses nothing before.
  if pick == 3:  # a key or extras longer than the body
    key, extras = source.choice([1, 250, 1000]), source.choice([0, 4, 255])
    return head(source, source.randrange(0x25), key, extras,
                source.choice([0, key - 1])) + b"x" * (key + extras)
  if pick == 4:  # a key that is too long, a body that is too long
    if source.random() < 0.5:
      return head(source, source.randrange(0x1b), 251, 0, 251) + b"k" * 251
    return head(source, source.randrange(0x1b), 1, 8, 2**30 + 9) + b"x" * 9
  # Extras or a key where there are none, or none where they are needed.
  opcode = source.choice([n for n in range(0x25)
                          if n not in (0x1b, 0x1f, 0x20, 0x21, 0x22)])
  key, extras = source.choice([(0, 0), (0, 1), (3, 1), (0, 8), (3, 20)])
  return head(source, opcode, key, extras, key + extras) + b"x" * (key + extras)


def no_request(source):
  """What ends a connection, and in memcached drops the replies before it."""
  return head(source, 0x00, magic=source.choice([0x81, 0x7f, 0x00, 0xff]))
