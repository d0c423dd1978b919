# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What programs do with pylibmc, over text or binary."""

import pylibmc


def equal(have, want):
  assert have == want, f"{have!r} is not {want!r}"


def use(port, binary):
  client = pylibmc.Client([f"127.0.0.1:{port}"], binary=binary,
                          behaviors={"cas": True, "tcp_nodelay": True})
  client.flush_all()
  storage(client)
  counting(client)
  with_cas(client)
  behaviours(client)
  client.flush_all()
  equal(client.get("key"), None)
  stats = client.get_stats()
  equal(len(stats), 1)
  assert "curr_items" in stats[0][1] or b"curr_items" in stats[0][1]
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
  equal(client.set("packed", "z" * 300000, min_compress_len=1000), True)
  equal(client.get("packed"), "z" * 300000)
  big = bytes(range(256)) * 3900
  equal(client.set("big", big), True)
  equal(client.get("big"), big)


def counting(client):
  equal(client.set("number", 10), True)
  equal(client.incr("number", 5), 15)
  equal(client.decr("number", 6), 9)
  equal(client.get("number"), 9)


def with_cas(client):
  value, cas = client.gets("key")
  equal(value, "replaced")
  equal(client.cas("key", "first", cas), True)
  equal(client.cas("key", "second", cas), False)
  equal(client.get("key"), "first")


def behaviours(client):
  client.behaviors["no_block"] = True
  for number in range(200):
    client.set(f"fast{number}", number)
  equal(client.get_multi([f"fast{n}" for n in range(200)]),
        {f"fast{n}": n for n in range(200)})
  client.behaviors["no_block"] = False
