'use strict';

// Whatever is refused, its message spells options as they are written here.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { Router } = require('..');
const { spelled } = require('../lib/errors.js');
const native = require('../native.js');
const { MODELS, PACKAGE } = require('./helpers.js');

const OPEN = native.openOptionTable().map(({ name }) => name);
const CALL = native.callOptionTable().map(({ name }) => name);
const [SPECS] = readFileSync(join(PACKAGE, 'lib', 'open-options.d.ts'), 'utf8').split('export interface OpenOptions');
const MEMBERS = [...SPECS.matchAll(/\b([a-z]+[A-Z]\w*)\?:/g)].map(([, name]) => name);
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const NAMES = [...new Set([...OPEN, ...CALL, ...MEMBERS])].filter((name) => snake(name) !== name);
const SNAKE = new RegExp(`\\b(${NAMES.map(snake).join('|')})\\b`);

assert.ok(MEMBERS.length >= 3);

let refused = 0;

/** Whether it is refused; then the message has no name in the spelling of the core. */
function check(call) {
  try {
    call();
  } catch ({ message }) {
    refused += 1;
    assert.doesNotMatch(message, SNAKE);
    return message;
  }
  return undefined;
}

const VALUES = [
  null, 'zzz', '', -1, -0.5, 0, 1.5, 2, 300, 1e15, 1e308, NaN, Infinity, true, false, {}, [], [true], ['x'], () => {}, Symbol('x'), 1n,
  { kind: 'zzz' }, { kind: 'windows', maxWindows: 0 }, { kind: 'windows', maxWindows: 'x' }, { kind: 'binary', strongLabel: 3 },
  { kind: 'chat', addGenerationPrompt: 2 },
];

test('every option of opening', () => {
  const opens = [
    (options) => Router.default(options),
    ...['bert-tiny', 'llama-tiny'].map((name) => (options) => Router.open(join(MODELS, name), { strong: 'a', weak: 'b', ...options })),
  ];
  for (const open of opens) {
    for (const name of OPEN) {
      // Another library than the one in use is asked for by a path, which may hold any name.
      if (name === 'onnxruntime') continue;
      for (const value of VALUES) check(() => open({ [name]: value }).close());
      for (const other of OPEN) check(() => open({ [name]: 1, [other]: 1 }).close());
    }
    check(() => open({ longPrompts: { kind: 'windows', overlap: 9999 } }));
    check(() => open({ preset: 'latency', sessions: 1, intraThreads: 1 }));
    check(() => open({ openClusters: 1, errorTarget: 0.5 }));
    check(() => open({ outOfDistribution: 'strong' }));
    check(() => open({ maxTokens: 1_000_000 }));
    check(() => open({ scoreTokens: ['1', '1'], scoreThreshold: 9 }));
  }
  assert.ok(refused > 500);
});

test('every option of a call', () => {
  const router = Router.default();
  for (const method of ['routeSync', 'winRateSync', 'candidateScoresSync', 'embedSync', 'similaritySync']) {
    for (const name of CALL) for (const value of VALUES) check(() => router[method]('x', { [name]: value }));
  }
  assert.match(check(() => router.routeSync('x', { threshold: 0.5, strongShare: 0.5 })), /strongShare/);
  const bare = Router.open(join(MODELS, 'bert-tiny'), { strong: 'a', weak: 'b' });
  for (const options of [{}, { strongShare: 0.5 }]) assert.ok(check(() => bare.routeSync('x', options)));
  bare.close();
  assert.match(check(() => router.routeSync('x', { timeoutMs: 0 })), /timeoutMs is 0/);
});

test('a name that is nearly one is shown as it was written, beside those that there are', () => {
  for (const name of OPEN) {
    assert.throws(() => Router.default({ [`${name}x`]: 1 }), ({ message }) => {
      assert.doesNotMatch(message, SNAKE);
      return message.includes(`"${name}x"`) && message.includes('maxWaiting');
    });
  }
  assert.throws(() => Router.default().routeSync('x', { strong_share: 1 }), /unknown option "strong_share".*strongShare/);
});

test('warnings and reasons, too; paths and fields of files keep their names', () => {
  for (const name of NAMES) {
    assert.equal(spelled(`let ${snake(name)} decide. ${snake(name)}: "${snake(name)}"`), `let ${name} decide. ${name}: "${name}"`);
    for (const kept of [`/a/${snake(name)}/b`, `/a/${snake(name)}`, `scorer.${snake(name)}`, `${snake(name)}.json`, `x_${snake(name)}`, `a/router.json: ${snake(name)} is 0`]) {
      assert.equal(spelled(kept), kept);
    }
  }
});

test('an error of a deadline names the timeout as it was given', () => {
  const router = Router.default();
  const prompts = Array(20_000).fill('a long prompt '.repeat(200));
  for (const timeoutMs of [0.5, 0.3, 1, 2.5]) {
    assert.throws(() => router.routeBatchSync(prompts, { timeoutMs }), {
      kind: 'ResourceExhausted', message: new RegExp(`timeout of ${timeoutMs} ms$`),
    });
  }
});
