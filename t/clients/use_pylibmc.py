#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What programs do with pylibmc, over text or binary, with SASL over binary.

Arguments: see checks.Words.
"""

import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import checks
from checks import equal, raises

try:
  import pylibmc
except ImportError:
  pylibmc = None

EXPIRY = 1


def use(words):
  account = {}
  if words.user:
    account = {"username": words.user, "password": words.password}
  client = pylibmc.Client([f"127.0.0.1:{words.port}"], binary=words.binary,
                          behaviors={"cas": True, "tcp_nodelay": True},
                          **account)
  if words.refused:
    raises(pylibmc.Error, client.set, "key", "x")
    return
  client.flush_all()
  equal(client.set("short", "x", time=EXPIRY), True)
  began = time.monotonic()
  storage(client)
  large(client)
  counting(client)
  with_cas(client)
  odd_keys(client)
  behaviours(client)
  stats(client)
  time.sleep(max(0.0, began + EXPIRY + 1.2 - time.monotonic()))
  equal(client.get("short"), None)
  client.flush_all()
  equal(client.get("key"), None)
  client.disconnect_all()


def storage(client):
  equal(client.set("key", "a text"), True)
  equal(client.get("key"), "a text")
  equal(client.set("structure", {"a": [1, 2.5, None]}), True)
  equal(client.get("structure"), {"a": [1, 2.5, None]})
  equal(client.add("key", "x"), False)
  equal(client.replace("key", "replaced"), True)
  try:  # over binary the server says why
    equal(client.replace("nothing", "x"), False)
  except pylibmc.NotFound:
    pass
  equal(client.set("bytes", b"mid"), True)
  equal(client.append("bytes", b">"), True)
  equal(client.prepend("bytes", b"<"), True)
  equal(client.get("bytes"), b"<mid>")
  many = {f"many{n}": n for n in range(300)}
  equal(client.set_multi(many), [])
  equal(client.get_multi(list(many)), many)
  equal(client.delete("many0"), True)
  equal(client.delete("many0"), False)
  equal(client.delete_multi(list(many)), False)
  equal(client.get_multi(list(many)), {})
  equal(client.touch("key", 100), True)
  equal(client.set("past", "x", time=int(time.time()) - 100), True)
  equal(client.get("past"), None)


def large(client):
  equal(client.set("packed", "z" * 300000, min_compress_len=1000), True)
  equal(client.get("packed"), "z" * 300000)
  big = bytes(range(256)) * 3900
  equal(client.set("big", big), True)
  equal(client.get("big"), big)
  raises(pylibmc.Error, client.set, "big", b"x" * 1100000)
  equal(client.get("key"), "replaced")


def counting(client):
  equal(client.set("number", 10), True)
  equal(client.incr("number", 5), 15)
  equal(client.decr("number", 6), 9)
  equal(client.get("number"), 9)
  raises(pylibmc.NotFound, client.incr, "nothing", 1)


def with_cas(client):
  value, cas = client.gets("key")
  equal(value, "replaced")
  equal(client.cas("key", "first", cas), True)
  equal(client.cas("key", "second", cas), False)
  equal(client.get("key"), "first")


def odd_keys(client):
  for key in ("k" * 250, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "ä-ö"):
    equal(client.set(key, "odd"), True)
    equal(client.get(key), "odd")
    equal(client.delete(key), True)


def behaviours(client):
  client.behaviors["no_block"] = True
  for number in range(200):
    client.set(f"fast{number}", number)
  equal(client.get_multi([f"fast{n}" for n in range(200)]),
        {f"fast{n}": n for n in range(200)})
  client.behaviors["no_block"] = False


def stats(client):
  found = client.get_stats()
  equal(len(found), 1)
  equal("curr_items" in found[0][1] or b"curr_items" in found[0][1], True)


if __name__ == "__main__":
  checks.main(pylibmc, use)
