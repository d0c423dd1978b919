<?php
// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
// What programs do with php-memcached, over text or binary, with SASL over
// binary:
//   php use_php_memcached.php PORT text|binary [user=NAME password=WORD] [refused]

if (!class_exists("Memcached")) {
  echo "php has no memcached module\n";
  exit(77);
}
$words = [];
foreach (array_slice($argv, 3) as $word) {
  $pair = explode("=", $word, 2);
  $words[$pair[0]] = $pair[1] ?? true;
}

$m = new Memcached();
$m->setOption(Memcached::OPT_BINARY_PROTOCOL, $argv[2] == "binary");
if (isset($words["user"])) {
  $m->setSaslAuthData($words["user"], $words["password"]);
}
$m->addServer("127.0.0.1", (int) $argv[1]);

// One check; the first that fails ends the program.
function same($have, $want, $what) {
  if ($have === $want) {
    echo "ok - $what\n";
    return;
  }
  global $m;
  echo "not ok - $what: ", substr(var_export($have, true), 0, 300), " is not ",
      substr(var_export($want, true), 0, 300), " (", $m->getResultMessage(),
      ")\n";
  exit(1);
}

if (isset($words["refused"])) {
  same($m->set("key", "x"), false, "set");
  same($m->getResultCode(), Memcached::RES_AUTH_FAILURE, "code of a refusal");
  exit(0);
}

same($m->flush(), true, "flush");
same($m->set("short", "x", 1), true, "set for a second");
$began = microtime(true);
same($m->set("key", "value"), true, "set");
same($m->get("key"), "value", "get");
same($m->get("nothing"), false, "get of nothing");
same($m->getResultCode(), Memcached::RES_NOTFOUND, "code of a miss");
same($m->set("list", [1, "two", 3.5, null, ["k" => true]]), true, "set list");
same($m->get("list"), [1, "two", 3.5, null, ["k" => true]], "get list");
same($m->add("key", "x"), false, "add");
same($m->getResultCode(), $argv[2] == "binary" ? Memcached::RES_DATA_EXISTS :
    Memcached::RES_NOTSTORED, "code of a lost add");
same($m->replace("key", "new"), true, "replace");
same($m->replace("nothing", "new"), false, "replace of nothing");
$m->setOption(Memcached::OPT_COMPRESSION, false);
same($m->set("text", "mid"), true, "set text");
same($m->append("text", ">"), true, "append");
same($m->prepend("text", "<"), true, "prepend");
same($m->get("text"), "<mid>", "get after append");
$m->setOption(Memcached::OPT_COMPRESSION, true);
same($m->set("number", 10), true, "set number");
same($m->increment("number", 5), 15, "increment");
same($m->decrement("number", 20), 0, "decrement");
same($m->increment("nothing"), false, "increment of nothing");
if ($argv[2] == "binary") {
  same($m->increment("made", 1, 40), 40, "increment makes it");
  same($m->increment("made", 1, 40), 41, "increment counts on");
}
same($m->touch("key", 100), true, "touch");
same($m->touch("nothing", 100), false, "touch of nothing");
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
foreach ([str_repeat("k", 250), "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"] as $odd) {
  same($m->set($odd, "odd"), true, "set odd key");
  same($m->get($odd), "odd", "get odd key");
  same($m->delete($odd), true, "delete odd key");
}
$big = str_repeat("0123456789abcdef", 60000);
$m->setOption(Memcached::OPT_COMPRESSION, false);
same($m->set("big", $big), true, "set big");
same($m->get("big"), $big, "get big");
same($m->set("big", str_repeat("x", 1100000)), false, "set too big");
same($m->get("key"), "first", "get after too big");
$stats = array_values($m->getStats())[0];
same($stats["pid"] > 0, true, "stats");
same(strpos(array_values($m->getVersion())[0], "1.6."), 0, "version");
$m->setOption(Memcached::OPT_BUFFER_WRITES, true);
for ($n = 0; $n < 100; $n++) $m->set("buffered$n", $n);
same($m->get("buffered99"), 99, "a get sends what was buffered");
$m->setOption(Memcached::OPT_BUFFER_WRITES, false);
usleep((int) max(0, ($began + 2.2 - microtime(true)) * 1e6));
same($m->get("short"), false, "get after a second");
same($m->flush(), true, "flush");
same($m->get("key"), false, "get after flush");
