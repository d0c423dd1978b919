<?php
// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
// What programs do with php-memcached: php use_php_memcached.php PORT BINARY

$m = new Memcached();
$m->setOption(Memcached::OPT_BINARY_PROTOCOL, $argv[2] == "1");
$m->addServer("127.0.0.1", (int) $argv[1]);

function same($have, $want, $what) {
  if ($have !== $want) {
    global $m;
    echo "$what: ", var_export($have, true), " is not ",
        var_export($want, true), " (", $m->getResultMessage(), ")\n";
    exit(1);
  }
}

same($m->flush(), true, "flush");
same($m->set("key", "value"), true, "set");
same($m->get("key"), "value", "get");
same($m->get("nothing"), false, "get of nothing");
same($m->getResultCode(), Memcached::RES_NOTFOUND, "code of a miss");
same($m->set("list", [1, "two", 3.5, null, ["k" => true]]), true, "set list");
same($m->get("list"), [1, "two", 3.5, null, ["k" => true]], "get list");
same($m->add("key", "x"), false, "add");
same($m->replace("key", "new"), true, "replace");
$m->setOption(Memcached::OPT_COMPRESSION, false);
same($m->set("text", "mid"), true, "set text");
same($m->append("text", ">"), true, "append");
same($m->prepend("text", "<"), true, "prepend");
same($m->get("text"), "<mid>", "get after append");
$m->setOption(Memcached::OPT_COMPRESSION, true);
same($m->set("number", 10), true, "set number");
same($m->increment("number", 5), 15, "increment");
same($m->decrement("number", 20), 0, "decrement");
same($m->touch("key", 100), true, "touch");
$many = [];
for ($n = 0; $n < 200; $n++) $many["many$n"] = str_repeat("$n", 40);
same($m->setMulti($many), true, "setMulti");
same($m->getMulti(array_keys($many)), $many, "getMulti");
same($m->delete("many0"), true, "delete");
same($m->delete("many0"), false, "delete of nothing");
$found = $m->get("key", null, Memcached::GET_EXTENDED);
same($found["value"], "new", "get with cas");
same($m->cas($found["cas"], "key", "first"), true, "cas");
same($m->cas($found["cas"], "key", "second"), false, "cas again");
same($m->getResultCode(), Memcached::RES_DATA_EXISTS, "code of a lost cas");
same($m->set("gone", "x", time() - 10), true, "set of the past");
same($m->get("gone"), false, "get of the past");
$big = str_repeat("0123456789abcdef", 60000);
$m->setOption(Memcached::OPT_COMPRESSION, false);
same($m->set("big", $big), true, "set big");
same($m->get("big"), $big, "get big");
same($m->set("big", str_repeat("x", 1100000)), false, "set too big");
same($m->get("key"), "first", "get after too big");
$stats = array_values($m->getStats())[0];
same($stats["pid"] > 0, true, "stats");
same(strpos(array_values($m->getVersion())[0], "1.6.45"), 0, "version");
$m->setOption(Memcached::OPT_BUFFER_WRITES, true);
for ($n = 0; $n < 100; $n++) $m->set("buffered$n", $n);
same($m->get("buffered99"), 99, "a get sends what was buffered");
$m->setOption(Memcached::OPT_BUFFER_WRITES, false);
same($m->flush(), true, "flush");
same($m->get("key"), false, "get after flush");
echo "all right\n";
