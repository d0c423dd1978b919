// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What programs do with memcache-client of npm, which speaks text, also over
// TLS. Arguments: see checks.js.
'use strict';

const fs = require('fs');
const {ODD_KEYS, bigValue, library, main, rejected, same, sleep} =
    require('./checks.js');
const {MemcacheClient} = library('memcache-client');

function connect(words) {
  const options = {
    server: {server: `127.0.0.1:${words.port}`, maxConnections: 3},
    cmdTimeout: 10000,
    connectTimeout: 10000,
  };
  if (words.ca) options.tls = {ca: fs.readFileSync(words.ca)};
  return new MemcacheClient(options);
}

const value = (got) => got && got.value;

async function storage(m) {
  same(await m.set('key', 'value'), ['STORED'], 'set');
  same(value(await m.get('key')), 'value', 'get');
  same(await m.get('nothing'), undefined, 'get of nothing');
  await rejected(m.add('key', 'x'), 'NOT_STORED', 'add to what is there');
  same(await m.add('added', 'x'), ['STORED'], 'add');
  same(await m.replace('key', 'mid'), ['STORED'], 'replace');
  await rejected(m.replace('nothing', 'x'), 'NOT_STORED', 'replace of nothing');
  same(await m.append('key', '>'), ['STORED'], 'append');
  same(await m.prepend('key', '<'), ['STORED'], 'prepend');
  same(value(await m.get('key')), '<mid>', 'get after append');
  same(await m.set('structure', {a: [1, 'two']}), ['STORED'], 'set structure');
  same(value(await m.get('structure')), {a: [1, 'two']}, 'get structure');
  same(await m.delete('added'), ['DELETED'], 'delete');
  await rejected(m.delete('added'), 'NOT_FOUND', 'delete of nothing');
  same(await m.touch('key', 100), ['TOUCHED'], 'touch');
  await rejected(m.touch('nothing', 100), 'NOT_FOUND', 'touch of nothing');
}

async function counting(m) {
  same(await m.set('number', '10'), ['STORED'], 'set number');
  same(await m.incr('number', 5), '15', 'incr');
  same(await m.decr('number', 20), '0', 'decr');
  await rejected(m.incr('nothing', 1), 'NOT_FOUND', 'incr of nothing');
}

async function withCas(m) {
  const found = await m.gets('key');
  same(found.value, '<mid>', 'gets');
  const casUniq = found.casUniq;
  same(await m.cas('key', 'first', {casUniq}), ['STORED'], 'cas');
  await rejected(m.cas('key', 'second', {casUniq}), 'EXISTS', 'cas again');
  same(value(await m.get('key')), 'first', 'get after cas');
}

async function many(m) {
  const names = Array.from({length: 200}, (unused, i) => `many${i}`);
  await Promise.all(names.map((name) => m.set(name, name)));
  const found = await m.get(names);
  same(names.map((name) => value(found[name])), names, 'get of many');
  same(Object.keys(await m.get(['many1', 'nothing'])), ['many1'],
       'get with holes');
  await m.set('quiet', 'x', {noreply: true});
  same(value(await m.get('many2')), 'many2', 'get after a noreply');
}

async function keysAndSizes(m) {
  for (const key of ODD_KEYS) {
    same(await m.set(key, 'odd'), ['STORED'], 'set odd key');
    same(value(await m.get(key)), 'odd', 'get odd key');
    same(await m.delete(key), ['DELETED'], 'delete odd key');
  }
  const big = bigValue();
  same(await m.set('big', big), ['STORED'], 'set big');
  same(big.equals(value(await m.get('big'))), true, 'get big');
  await rejected(m.set('big', 'x'.repeat(1100000)), 'too large', 'set too big');
  same(value(await m.get('key')), 'first', 'get after too big');
}

async function administration(m) {
  same((await m.version()).join(' ').includes('1.6.'), true, 'version');
  const stats = Object.fromEntries((await m.cmd('stats')).STAT);
  same(Number(stats.curr_items) > 0, true, 'stats');
}

main(async (words) => {
  const m = connect(words);
  if (words.refused) {
    await rejected(m.set('key', 'x'), '', 'set');
    return;
  }
  same(await m.cmd('flush_all'), ['OK'], 'flush_all');
  same(await m.set('short', 'x', {lifetime: 1}), ['STORED'],
       'set for a second');
  const began = Date.now();
  await storage(m);
  await counting(m);
  await withCas(m);
  await many(m);
  await keysAndSizes(m);
  await administration(m);
  await sleep(Math.max(0, began + 2200 - Date.now()));
  same(await m.get('short'), undefined, 'get after a second');
  same(await m.cmd('flush_all'), ['OK'], 'flush_all');
  same(await m.get('key'), undefined, 'get after flush_all');
  m.shutdown();
});
