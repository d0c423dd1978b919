// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What programs do with memcached of npm, which speaks text; it has neither TLS
// nor passwords. Arguments: see checks.js.
'use strict';

const {ODD_KEYS, bigValue, library, main, rejected, same, sleep} =
    require('./checks.js');
const Memcached = library('memcached');

// Its calls, as promises.
function promised(client) {
  return new Proxy({}, {
    get: (unused, name) => (...args) => new Promise((done, failed) => {
      client[name](...args, (error, data) => error ? failed(error) : done(data));
    }),
  });
}

async function storage(m) {
  same(await m.set('key', 'value', 0), true, 'set');
  same(await m.get('key'), 'value', 'get');
  same(await m.get('nothing'), undefined, 'get of nothing');
  await rejected(m.add('key', 'x', 0), 'not stored', 'add to what is there');
  same(await m.add('added', 'x', 0), true, 'add');
  same(await m.replace('key', 'mid', 0), true, 'replace');
  await rejected(m.replace('nothing', 'x', 0), 'not stored',
                 'replace of nothing');
  same(await m.append('key', '>'), true, 'append');
  same(await m.prepend('key', '<'), true, 'prepend');
  same(await m.get('key'), '<mid>', 'get after append');
  await rejected(m.append('nothing', '>'), 'not stored', 'append to nothing');
  same(await m.set('structure', {a: [1, 'two', null]}, 0), true,
       'set structure');
  same(await m.get('structure'), {a: [1, 'two', null]}, 'get structure');
  same(await m.del('added'), true, 'delete');
  same(await m.del('added'), false, 'delete of nothing');
  same(await m.touch('key', 100), true, 'touch');
  same(await m.touch('nothing', 100), false, 'touch of nothing');
}

async function counting(m) {
  same(await m.set('number', 10, 0), true, 'set number');
  same(await m.incr('number', 5), 15, 'incr');
  same(await m.decr('number', 20), 0, 'decr');
  same(await m.incr('nothing', 1), false, 'incr of nothing');
}

async function withCas(m) {
  const found = await m.gets('key');
  same(found.key, '<mid>', 'gets');
  same(await m.cas('key', 'first', found.cas, 0), true, 'cas');
  same(await m.cas('key', 'second', found.cas, 0), false, 'cas again');
  same(await m.get('key'), 'first', 'get after cas');
}

async function many(m) {
  const names = Array.from({length: 200}, (unused, i) => `many${i}`);
  await Promise.all(names.map((name) => m.set(name, name, 0)));
  const wanted = Object.fromEntries(names.map((name) => [name, name]));
  same(await m.getMulti(names), wanted, 'getMulti');
  same(await m.getMulti(['many1', 'nothing']), {many1: 'many1'},
       'getMulti with holes');
}

async function keysAndSizes(m) {
  for (const key of ODD_KEYS) {
    same(await m.set(key, 'odd', 0), true, 'set odd key');
    same(await m.get(key), 'odd', 'get odd key');
    same(await m.del(key), true, 'delete odd key');
  }
  // It makes two bytes of each that is no ASCII.
  const some = bigValue().subarray(0, 400000);
  same(await m.set('some', some, 0), true, 'set bytes');
  same(some.equals(await m.get('some')), true, 'get bytes');
  const big = '0123456789abcdef'.repeat(62500);
  same(await m.set('big', big, 0), true, 'set big');
  same(await m.get('big') === big, true, 'get big');
}

async function administration(m) {
  same((await m.version())[0].version, '1.6.45', 'version');
  same((await m.stats())[0].curr_items > 0, true, 'stats');
  same((await m.settings())[0].maxbytes, 67108864, 'stats settings');
  same(Object.keys((await m.items())[0]).length > 0, true, 'stats items');
}

main(async (words) => {
  const client = new Memcached(
      `127.0.0.1:${words.port}`,
      {maxValue: 4 << 20, timeout: 10000, idle: 60000, retries: 0, poolSize: 4});
  const m = promised(client);
  await m.flush();
  same(await m.set('short', 'x', 1), true, 'set for a second');
  const began = Date.now();
  await storage(m);
  await counting(m);
  await withCas(m);
  await many(m);
  await keysAndSizes(m);
  await administration(m);
  await sleep(Math.max(0, began + 2200 - Date.now()));
  same(await m.get('short'), undefined, 'get after a second');
  await m.flush();
  same(await m.get('key'), undefined, 'get after flush');
  // The last thing, because it takes the server for a broken one then.
  same(await m.set('big', 'x'.repeat(1100000), 0), false, 'set too big');
  client.end();
});
