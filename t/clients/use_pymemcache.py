# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What programs do with pymemcache: every call of its client."""

import collections

from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.exceptions import MemcacheError


def equal(have, want):
  assert have == want, f"{have!r} is not {want!r}"


def use(port):
  client = Client(("127.0.0.1", port), default_noreply=False, timeout=10)
  storage(client)
  counting(client)
  with_cas(client)
  administration(client)
  noreply(port)
  pool(port)
  client.flush_all()
  equal(client.get("key"), None)
  client.quit()


def storage(client):
  equal(client.set("key", b"value"), True)
  equal(client.get("key"), b"value")
  equal(client.get("nothing", default=5), 5)
  equal(client.add("key", b"x"), False)
  equal(client.replace("key", b"replaced"), True)
  equal(client.append("key", b">"), True)
  equal(client.prepend("key", b"<"), True)
  equal(client.get("key"), b"<replaced>")
  many = {f"many{n}": b"%d" % n * 50 for n in range(200)}
  equal(client.set_many(many), [])
  equal(client.get_many(list(many)), many)
  equal(client.delete("many0"), True)
  equal(client.delete("many0"), False)
  equal(client.delete_many(list(many)), True)
  equal(client.get_many(list(many)), {})
  equal(client.touch("key", 100), True)
  equal(client.touch("nothing", 100), False)
  big = bytes(range(256)) * 4000
  equal(client.set("big", big), True)
  equal(client.get("big"), big)
  try:
    client.set("big", b"x" * 1100000)
    raise AssertionError("1.1 MB were stored")
  except MemcacheError:
    pass
  equal(client.get("key"), b"<replaced>")


def counting(client):
  equal(client.set("number", b"10"), True)
  equal(client.incr("number", 5), 15)
  equal(client.decr("number", 20), 0)
  equal(client.incr("nothing", 1), None)


def with_cas(client):
  value, cas = client.gets("key")
  equal(value, b"<replaced>")
  equal(client.cas("key", b"first", cas), True)
  equal(client.cas("key", b"second", cas), False)
  equal(client.cas("nothing", b"x", cas), None)
  found = client.gets_many(["key", "nothing"])
  equal(found["key"][0], b"first")
  equal(client.get("key"), b"first")


def administration(client):
  stats = client.stats()
  assert stats[b"curr_items"] >= 1
  assert client.version().startswith(b"1.6.45")
  settings = client.stats("settings")
  assert settings[b"maxbytes"]
  equal(client.verbosity(0) if hasattr(client, "verbosity") else True, True)


def noreply(port):
  """The default of this client: sets are not answered."""
  client = Client(("127.0.0.1", port), timeout=10)
  for number in range(500):
    client.set(f"quiet{number}", b"%d" % number)
  client.delete("quiet0")
  client.incr("quiet1", 1, noreply=True)
  equal(client.get("quiet0"), None)
  equal(client.get("quiet1"), b"2")
  equal(client.get("quiet499"), b"499")
  client.close()


def pool(port):
  client = PooledClient(("127.0.0.1", port), max_pool_size=4, timeout=10)
  client.set("pooled", b"1", noreply=False)
  equal(client.get("pooled"), b"1")
  hashed = HashClient([("127.0.0.1", port)], timeout=10)
  found = collections.OrderedDict((f"h{n}", b"%d" % n) for n in range(50))
  equal(hashed.set_many(found, noreply=False), [])
  equal(hashed.get_many(list(found)), dict(found))


def use_through_proxy(port):
  """What twemproxy passes on: no flush_all, stats or verbosity."""
  client = Client(("127.0.0.1", port), default_noreply=False, timeout=10)
  storage_through_proxy(client)
  counting(client)
  noreply(port)
  client.close()


def storage_through_proxy(client):
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
  with_cas(client)
  try:
    client.set("big", b"x" * 1100000)
    raise AssertionError("1.1 MB were stored")
  except MemcacheError:
    pass
  equal(client.get("key"), b"first")
