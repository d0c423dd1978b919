#!/usr/bin/python3
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What programs do with pymemcache: every call of its client, over text.

Arguments: see checks.Words; and `proxy` for what twemproxy passes on.  With a
user, the first set of each connection is the login that -Y wants.
"""

import collections
import ssl
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import checks
from checks import equal, raises

try:
  import pymemcache
  from pymemcache.client.base import Client, PooledClient
  from pymemcache.client.hash import HashClient
  from pymemcache.exceptions import MemcacheError
except ImportError:
  pymemcache = None

EXPIRY = 1


class Place:
  """Where the server is, and how to reach it."""

  def __init__(self, words):
    self.words = words
    self.address = ("127.0.0.1", words.port)
    self.options = {"timeout": 10}
    if words.ca:
      self.options["tls_context"] = ssl.create_default_context(
          cafile=words.ca)

  def client(self, **options):
    client = Client(self.address, **self.options, **options)
    if self.words.user:
      log_in_always(client, f"{self.words.user} {self.words.password}")
    return client


def log_in_always(client, pair):
  """After an error the client connects anew when it likes."""
  connect = client._connect  # pylint: disable=protected-access

  def connect_and_log_in():
    connect()
    client.set("login", pair, noreply=False)

  client._connect = connect_and_log_in  # pylint: disable=protected-access


def use(words):
  place = Place(words)
  if words.refused:
    refused(place)
    return
  client = place.client(default_noreply=False)
  if hasattr(words, "proxy"):
    through_proxy(client)
    noreply(place)
    return
  client.flush_all()
  equal(client.set("short", b"x", expire=EXPIRY), True)
  began = time.monotonic()
  everything(client, place)
  time.sleep(max(0.0, began + EXPIRY + 1.2 - time.monotonic()))
  equal(client.get("short"), None)
  equal(client.flush_all(), True)
  equal(client.get("key"), None)
  client.quit()


def everything(client, place):
  storage(client)
  large(client)
  counting(client)
  with_cas(client)
  odd_keys(client)
  administration(client)
  noreply(place)
  if not place.words.user:  # these two make clients of their own
    pool(place)


def refused(place):
  """No certificate that fits, or no password that does: nothing works."""
  if place.words.user:
    raises(MemcacheError, place.client().get, "key")
    # Nor does it work without.
    client = Client(place.address, **place.options)
    raises(MemcacheError, client.get, "key")
    return
  raises(ssl.SSLError, place.client().get, "key")


def storage(client):
  equal(client.set("key", b"value"), True)
  equal(client.get("key"), b"value")
  equal(client.get("nothing", default=5), 5)
  equal(client.add("key", b"x"), False)
  equal(client.add("added", b"1"), True)
  equal(client.replace("key", b"replaced"), True)
  equal(client.replace("nothing", b"x"), False)
  equal(client.append("key", b">"), True)
  equal(client.prepend("key", b"<"), True)
  equal(client.append("nothing", b">"), False)
  equal(client.get("key"), b"<replaced>")
  equal(client.set("empty", b""), True)
  equal(client.get("empty"), b"")
  many = {f"many{n}": b"%d" % n * 50 for n in range(200)}
  equal(client.set_many(many), [])
  equal(client.get_many(list(many)), many)
  equal(client.delete("many0"), True)
  equal(client.delete("many0"), False)
  equal(client.delete_many(list(many)), True)
  equal(client.get_many(list(many)), {})
  equal(client.touch("key", 100), True)
  equal(client.touch("nothing", 100), False)
  equal(client.set("past", b"x", expire=-1), True)
  equal(client.get("past"), None)


def large(client):
  big = bytes(range(256)) * 4000
  equal(client.set("big", big), True)
  equal(client.get("big"), big)
  raises(MemcacheError, client.set, "big", b"x" * 1100000)
  equal(client.get("key"), b"<replaced>")


def counting(client):
  equal(client.set("number", b"10"), True)
  equal(client.incr("number", 5), 15)
  equal(client.decr("number", 20), 0)
  equal(client.incr("nothing", 1), None)
  equal(client.set("number", b"18446744073709551615"), True)
  equal(client.incr("number", 2), 1)
  equal(client.set("number", b"word"), True)
  raises(MemcacheError, client.incr, "number", 1)


def with_cas(client):
  value, cas = client.gets("key")
  equal(value, b"<replaced>")
  equal(client.cas("key", b"first", cas), True)
  equal(client.cas("key", b"second", cas), False)
  equal(client.cas("nothing", b"x", cas), None)
  found = client.gets_many(["key", "nothing"])
  equal(list(found), ["key"])
  equal(found["key"][0], b"first")
  equal(client.get("key"), b"first")


def odd_keys(client):
  """The longest, and bytes that a line can hold."""
  for key in ("k" * 250, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", b"\x01\x02\x7f",
              b"\xc3\xa4\xff"):
    equal(client.set(key, b"odd"), True)
    equal(client.get(key), b"odd")
    equal(client.delete(key), True)
  raises(MemcacheError, client.get, "k" * 251)


def administration(client):
  stats = client.stats()
  equal(stats[b"curr_items"] >= 1, True)
  equal(client.version().startswith(b"1.6."), True)
  equal(client.stats("settings")[b"maxbytes"], 64 << 20)
  equal(isinstance(client.stats("items"), dict), True)


def noreply(place):
  """The default of this client: sets are not answered."""
  client = place.client()
  for number in range(500):
    client.set(f"quiet{number}", b"%d" % number)
  client.delete("quiet0")
  client.incr("quiet1", 1, noreply=True)
  equal(client.get("quiet0"), None)
  equal(client.get("quiet1"), b"2")
  equal(client.get("quiet499"), b"499")
  client.close()


def pool(place):
  client = PooledClient(place.address, max_pool_size=4, **place.options)
  equal(client.set("pooled", b"1", noreply=False), True)
  equal(client.get("pooled"), b"1")
  hashed = HashClient([place.address], **place.options)
  found = collections.OrderedDict((f"h{n}", b"%d" % n) for n in range(50))
  equal(hashed.set_many(found, noreply=False), [])
  equal(hashed.get_many(list(found)), dict(found))


def through_proxy(client):
  """What twemproxy passes on: no flush_all, stats, version or gat."""
  equal(client.set("key", b"value"), True)
  equal(client.get("key"), b"value")
  equal(client.add("key", b"x"), False)
  equal(client.replace("key", b"replaced"), True)
  equal(client.append("key", b">"), True)
  equal(client.prepend("key", b"<"), True)
  equal(client.get("key"), b"<replaced>")
  many = {f"many{n}": b"%d" % n * 50 for n in range(200)}
  equal(client.set_many(many), [])
  equal(client.get_many(list(many)), many)
  equal(client.touch("key", 100), True)
  equal(client.delete("many0"), True)
  equal(client.set("number", b"10"), True)
  equal(client.incr("number", 5), 15)
  with_cas(client)
  raises(MemcacheError, client.set, "big", b"x" * 1100000)
  equal(client.get("key"), b"first")


if __name__ == "__main__":
  checks.main(pymemcache, use)
