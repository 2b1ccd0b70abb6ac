'use strict';

// Chats in, prompts out: the cases of every language (tests/conformance/messages.json), and what only JavaScript's
// objects can show.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { Router, promptFromMessages } = require('..');
const { ROOT, runScript } = require('./helpers.js');

const { cases } = JSON.parse(readFileSync(join(ROOT, 'tests', 'conformance', 'messages.json'), 'utf8'));
const router = Router.default();
const ASK = { role: 'user', content: 'And in Paris?' };
const EXPECTED = router.routeSync(ASK.content);
const INVALID = { kind: 'InvalidArgument' };

/** The same chat with maps in place of objects. */
function asMaps(value) {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, one]) => [key, asMaps(one)]));
}

async function check(entry, route) {
  if ('prompt' in entry) {
    assert.deepEqual(await route('raise'), router.routeSync(entry.prompt, { threshold: 0.5 }), entry.id);
    return;
  }
  await assert.rejects(async () => route('raise'), { kind: entry.error }, entry.id);
  if (entry.covered) assert.equal((await route('weak')).fallbackKind, entry.error, entry.id);
  else await assert.rejects(async () => route('weak'), { kind: entry.error }, entry.id);
}

test('every case, alone and in a batch, as objects and as maps', async () => {
  assert.ok(cases.length >= 100);
  for (const entry of cases.filter((one) => !one.text_only)) {
    const { read } = entry;
    const parsed = JSON.parse(entry.json);
    for (const chat of [parsed, asMaps(parsed)]) {
      const options = (onError) => ({ threshold: 0.5, read, onError });
      if (entry.in_batch !== true) {
        await check(entry, (onError) => router.routeSync(chat, options(onError)));
        await check(entry, (onError) => router.route(chat, options(onError)));
        if ('prompt' in entry) assert.equal(promptFromMessages(chat, { read }), entry.prompt, entry.id);
        else assert.throws(() => promptFromMessages(chat, { read }), INVALID, entry.id);
      }
      if (entry.in_batch !== false) {
        await check(entry, (onError) => router.routeBatchSync(['x', chat], options(onError))[1]);
        await check(entry, async (onError) => (await router.routeBatch(['x', chat], options(onError)))[1]);
      }
    }
  }
});

class Message {
  constructor(role, content) {
    this.role = role;
    this.content = content;
  }
}

class HumanMessage {
  constructor(content) {
    this.content = content;
  }

  _getType() {
    return 'human';
  }
}

class AIMessage extends HumanMessage {
  _getType() {
    return 'ai';
  }
}

class Request {
  constructor(messages) {
    this.messages = messages;
  }
}

test('objects of classes are messages, too', () => {
  const chats = [
    [new Message('user', ASK.content), new Message('assistant', 'x')],
    [new HumanMessage(ASK.content), new AIMessage('x')],
    [new HumanMessage([{ type: 'text', text: ASK.content }])],
    new Message('user', ASK.content),
    new Request([ASK]),
    Object.assign(Object.create(null), ASK),
    [['human', ASK.content], ['ai', 'x']],
  ];
  for (const chat of chats) assert.deepEqual(router.routeSync(chat), EXPECTED);
});

test('only what is read can refuse', async () => {
  const cyclic = { role: 'assistant' };
  cyclic.content = [cyclic];
  const odd = [
    { role: 'assistant', content: 'Sunny \ud83c' },
    { get role() { throw new Error('touched'); } },
    { role: 'tool', content: 1n, toJSON() { throw new Error('touched'); } },
    cyclic, null, undefined, Symbol('x'), () => {}, new Date(NaN),
  ];
  for (const message of odd) {
    assert.deepEqual(router.routeSync([{ role: 'user', content: 'x' }, message, ASK]), EXPECTED);
    assert.deepEqual(await router.route([message, ASK]), EXPECTED);
  }
  const image = { type: 'image', data: new Uint8Array(8), name: '\udc00' };
  assert.deepEqual(router.routeSync([{ role: 'user', content: [image, { type: 'text', text: ASK.content }] }]), EXPECTED);
});

test('the walk begins at the newest message and ends where it has text', () => {
  const touched = new Set();
  const chat = Array.from({ length: 401 }, (_, i) => new Proxy({ role: i % 2 ? 'assistant' : 'user', content: 'x' }, {
    get(target, key) {
      touched.add(i);
      return target[key];
    },
  }));
  chat.push({ role: 'user', content: [{ type: 'tool_result', content: 'y' }] });
  assert.equal(promptFromMessages(chat), 'x');
  assert.ok(touched.has(400) && touched.size <= 2, [...touched].join());
});

test('a message by itself is no prompt of a batch', async () => {
  for (const wrong of [[ASK], [new Message('user', 'x')], [new HumanMessage('x')], [['user', 'x']], [{ parts: [{ text: 'x' }] }]]) {
    for (const onError of ['raise', 'strong']) {
      assert.throws(() => router.routeBatchSync(wrong, { onError }), { ...INVALID, message: /^prompt 0: .*batch/ });
      await assert.rejects(router.routeBatch(wrong, { onError }), { ...INVALID, message: /^prompt 0: .*batch/ });
    }
    assert.throws(() => router.winRatesSync(wrong), INVALID);
  }
  assert.throws(() => router.routeBatchSync([ASK]), /route\(messages\)/);
  assert.throws(() => router.routeBatchSync({ messages: [ASK] }), /expected an array/);
});

test('what is no prompt throws, whatever onError says', async () => {
  const wrong = [3, null, undefined, true, 1n, Symbol('x'), () => {}, Promise.resolve([ASK]), new Date(), [1, 2], ['a']];
  for (const prompt of wrong) {
    for (const onError of ['raise', 'strong', 'weak']) {
      assert.throws(() => router.routeSync(prompt, { onError }), INVALID);
      assert.throws(() => router.routeBatchSync(['fine', prompt], { onError }), { ...INVALID, message: /^prompt 1/ });
      await assert.rejects(router.route(prompt, { onError }), INVALID);
    }
  }
  assert.throws(() => router.routeSync([ASK], { read: 'last', onError: 'strong' }), /read is "last", expected "last_user"/);
  assert.throws(() => router.routeEmbeddingSync(new Float32Array(1), { read: 'all_user' }), /unknown option "read"/);
  assert.throws(() => Router.default({ read: 'all' }), /read is "all"/);
});

test('one bad element does not fail a batch', async () => {
  const image = [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }];
  const half = [{ role: 'user', content: '\ud83c' }];
  const prompts = ['fine', image, half, '\ud800', new Uint8Array([0xff]), [ASK]];
  for (const decisions of [
    router.routeBatchSync(prompts, { onError: 'strong' }),
    await router.routeBatch(prompts, { onError: 'strong' }),
  ]) {
    assert.deepEqual(decisions.map(({ fallback }) => fallback), [false, true, true, true, true, false]);
    assert.deepEqual(decisions.map(({ fallbackKind }) => fallbackKind !== null), [false, true, true, true, true, false]);
    assert.deepEqual(decisions[5], EXPECTED);
  }
  assert.throws(() => router.routeBatchSync(prompts), { ...INVALID, message: /^prompt 1: messages: no message/ });
});

test('what is read is an option of every call', async () => {
  const chat = [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }];
  const read = 'all_user';
  const expected = router.routeSync('a\nc');
  assert.equal(router.info().read, 'last_user');
  assert.deepEqual(router.routeSync(chat, { read }), expected);
  assert.deepEqual(await router.route(chat, { read }), expected);
  assert.deepEqual(router.routeBatchSync([chat], { read }), [expected]);
  assert.deepEqual(await router.routeBatch([chat], { read }), [expected]);
  assert.equal(router.winRateSync(chat, { read }), expected.winRate);
  assert.equal(await router.winRate(chat, { read }), expected.winRate);
  assert.deepEqual(router.winRatesSync([chat], { read }), Float64Array.of(expected.winRate));
  assert.deepEqual(await router.winRates([chat], { read }), Float64Array.of(expected.winRate));
  const opened = Router.default({ read });
  assert.equal(opened.info().read, read);
  assert.deepEqual(opened.routeSync(chat), expected);
  assert.deepEqual(opened.routeSync(chat, { read: 'last_user' }), router.routeSync('c'));
  // Of a text all of it is read.
  assert.deepEqual(router.routeSync('a', { read: 'conversation' }), router.routeSync('a'));
});

test('of fallbacks of a kind the first warns, and none of them tells a prompt', () => {
  const script = `
    const { Router } = require('.');
    const router = Router.default();
    const warnings = [];
    process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }));
    const secret = [{ role: 'user', content: 'secret \\ud83c' }];
    for (let i = 0; i < 5; i += 1) router.routeSync(secret, { onError: 'strong' });
    router.routeBatchSync([secret, secret], { onError: 'weak' });
    Promise.all([router.route(secret, { onError: 'weak' }), router.routeBatch([secret], { onError: 'weak' })]).then(() => {
      Router.default().routeSync([], { onError: 'strong' });
      setImmediate(() => console.log(JSON.stringify({ warnings, fallbacks: router.fallbacks })));
    });
  `;
  const { warnings, fallbacks } = runScript(script);
  assert.equal(fallbacks, 9);
  // Another router warns by itself.
  assert.equal(warnings.length, 2);
  for (const { name, code, message } of warnings) {
    assert.deepEqual([name, code], ['RouteLLMWarning', 'ROUTELLM_FALLBACK']);
    assert.match(message, /^1 decision was a fallback \(InvalidArgument\).*look at what is sent/);
    assert.doesNotMatch(message, /secret/);
  }
});
