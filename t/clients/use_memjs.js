// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What programs do with memjs, which speaks binary, with SASL; it has no TLS,
// no cas and no call for many keys, and its prepend sends an append. Arguments:
// see checks.js.
'use strict';

const {ODD_KEYS, bigValue, library, main, rejected, same, sleep} =
    require('./checks.js');
const {Client} = library('memjs');

const quiet = {log() {}};

function connect(words) {
  const options = {retries: 1, timeout: 10, logger: quiet};
  if (words.user) {
    options.username = words.user;
    options.password = words.password;
  }
  return Client.create(`127.0.0.1:${words.port}`, options);
}

const text = (got) => got.value && got.value.toString();

async function storage(m) {
  same(await m.set('key', 'value', {}), true, 'set');
  same(text(await m.get('key')), 'value', 'get');
  same((await m.get('nothing')).value, null, 'get of nothing');
  same(await m.add('key', 'x', {}), false, 'add to what is there');
  same(await m.add('added', 'x', {}), true, 'add');
  same(await m.replace('key', 'mid', {}), true, 'replace');
  same(await m.replace('nothing', 'x', {}), false, 'replace of nothing');
  same(await m.append('key', '>'), true, 'append');
  same(text(await m.get('key')), 'mid>', 'get after append');
  await rejected(m.append('nothing', '>'), 'not stored', 'append to nothing');
  same(await m.delete('added'), true, 'delete');
  same(await m.delete('added'), false, 'delete of nothing');
  same(await m.touch('key', 100), true, 'touch');
  same(await m.touch('nothing', 100), false, 'touch of nothing');
}

async function counting(m) {
  same((await m.increment('number', 5, {initial: 10})).value, 10,
       'increment makes it');
  same((await m.increment('number', 5, {})).value, 15, 'increment');
  same((await m.decrement('number', 20, {})).value, 0, 'decrement');
}

async function many(m) {
  const names = Array.from({length: 200}, (unused, i) => `many${i}`);
  const stored = await Promise.all(names.map((name) => m.set(name, name, {})));
  same(stored.every((done) => done === true), true, 'two hundred sets at once');
  const found = await Promise.all(names.map((name) => m.get(name)));
  same(found.map(text), names, 'two hundred gets at once');
}

async function keysAndSizes(m) {
  for (const key of ODD_KEYS.concat(['\u00e4 \u00f6'])) {
    same(await m.set(key, 'odd', {}), true, 'set odd key');
    same(text(await m.get(key)), 'odd', 'get odd key');
    same(await m.delete(key), true, 'delete odd key');
  }
  const big = bigValue();
  same(await m.set('big', big, {}), true, 'set big');
  same(big.equals((await m.get('big')).value), true, 'get big');
  const tooBig = m.set('big', Buffer.alloc(1100000), {});
  same(await tooBig.catch(() => false), false, 'set too big');
  same(text(await m.get('key')), 'mid>', 'get after too big');
}

function stats(m, which) {
  return new Promise((done, failed) => m.statsWithKey(
      which, (error, server, found) => error ? failed(error) : done(found)));
}

main(async (words) => {
  const m = connect(words);
  if (words.refused) {
    await rejected(m.set('key', 'x', {}), 'authentication failed', 'set');
    return;
  }
  await m.flush();
  same(await m.set('short', 'x', {expires: 1}), true, 'set for a second');
  const began = Date.now();
  await storage(m);
  await counting(m);
  await many(m);
  await keysAndSizes(m);
  same(Number((await stats(m, '')).curr_items) > 0, true, 'stats');
  same((await stats(m, 'settings')).maxbytes, '67108864', 'stats settings');
  await sleep(Math.max(0, began + 2200 - Date.now()));
  same((await m.get('short')).value, null, 'get after a second');
  await m.flush();
  same((await m.get('key')).value, null, 'get after flush');
});
