// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the clients from npm share: their arguments (PORT text|binary [ca=FILE]
// [user=NAME password=WORD] [refused]), where the libraries are (NODE_MODULES)
// and their checks.
'use strict';

const path = require('path');
const util = require('util');

const words = {port: Number(process.argv[2])};
for (const word of process.argv.slice(4)) {
  const [name, value] = word.split('=', 2);
  words[name] = value === undefined ? true : value;
}

function library(name) {
  const folder = process.env.NODE_MODULES || 'node_modules';
  try {
    return require(path.resolve(folder, name));
  } catch (error) {
    console.log(error.message);
    process.exit(77);
  }
}

function show(value) {
  return util.inspect(value, {maxStringLength: 200, maxArrayLength: 20});
}

function same(have, want, what) {
  if (util.isDeepStrictEqual(have, want)) {
    console.log('ok -', what);
    return;
  }
  throw new Error(`${what}: ${show(have)} is not ${show(want)}`);
}

// The promise ends with an error whose text has this in it.
async function rejected(promise, text, what) {
  let said;
  try {
    said = await promise;
  } catch (error) {
    const message = String((error && error.message) || error);
    if (message.includes(text)) {
      console.log('ok -', what);
      return;
    }
    said = message;
  }
  throw new Error(`${what}: ${show(said)} is no error with "${text}"`);
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Runs it to its end; the first check that fails ends the program.
function main(use) {
  use(words).then(() => process.exit(0), (error) => {
    console.log('not ok -', error.message);
    process.exit(1);
  });
}

const ODD_KEYS = ['k'.repeat(250), '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];

function bigValue() {
  const big = Buffer.alloc(1000000);
  for (let i = 0; i < big.length; ++i) big[i] = (i * 7 + (i >> 8)) & 255;
  return big;
}

module.exports = {
  ODD_KEYS, bigValue, library, main, rejected, same, sleep,
};
