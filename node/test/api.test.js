'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { inspect } = require('node:util');
const { Router, promptFromMessages, version } = require('..');
const { withinCap } = require('../lib/prompt.js');
const { DEFAULT_ARTIFACT } = require('./helpers.js');

const HARD = 'Prove that the square root of 2 is irrational, then generalise to every prime.';
const EASY = 'hi';
const router = Router.default();

test('a decision says which model, and why', () => {
  const decision = router.routeSync(HARD);
  assert.deepEqual(Object.keys(decision), [
    'model', 'side', 'winRate', 'threshold', 'truncated', 'similarity', 'outOfDistribution', 'noScore',
    'propensity', 'id', 'candidate', 'quality', 'expectedCost', 'fallback', 'fallbackKind', 'fallbackReason',
  ]);
  assert.ok(decision.winRate > 0 && decision.winRate < 1);
  assert.equal(decision.side, decision.winRate >= decision.threshold ? 'strong' : 'weak');
  assert.equal(decision.model, decision.side === 'strong' ? router.strong : router.weak);
  assert.equal(decision.threshold, router.threshold());
  assert.equal(decision.truncated, false);
  assert.equal(decision.propensity, 1);
  assert.equal(decision.id, null);
  assert.equal(decision.fallback, false);
  assert.equal(decision.fallbackKind, null);
  assert.equal(decision.fallbackReason, null);
});

test('decisions have ids for who asks', async () => {
  const asked = Router.default({ ids: true });
  const ids = [asked.routeSync(HARD), ...asked.routeBatchSync([HARD, EASY]), await asked.route(EASY)].map(({ id }) => id);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([...new Set(ids)].sort(), ids);
});

test('the promise comes to what the synchronous call comes to', async () => {
  for (const prompt of [HARD, EASY, '', 'naïve 🦀 שלום 你好', 'nul \0 inside']) {
    assert.deepEqual(await router.route(prompt), router.routeSync(prompt));
    assert.equal(await router.winRate(prompt), router.winRateSync(prompt));
    assert.equal(router.winRateSync(prompt), router.routeSync(prompt).winRate);
  }
});

test('a batch comes to what single calls come to', async () => {
  const prompts = [HARD, EASY, '', 'what is 17 * 23?', 'é'.repeat(20_000)];
  const single = prompts.map((prompt) => router.routeSync(prompt, { threshold: 0.2 }));
  assert.deepEqual(router.routeBatchSync(prompts, { threshold: 0.2 }), single);
  assert.deepEqual(await router.routeBatch(prompts, { threshold: 0.2 }), single);
  const rates = Float64Array.from(single, ({ winRate }) => winRate);
  assert.deepEqual(router.winRatesSync(prompts), rates);
  assert.deepEqual(await router.winRates(prompts), rates);
  assert.deepEqual(single.map(({ truncated }) => truncated), [false, false, false, false, true]);
  assert.deepEqual(router.routeBatchSync([]), []);
  assert.deepEqual(await router.winRates([]), new Float64Array());
});

test('a threshold and a share draw the line', () => {
  const { winRate } = router.routeSync(HARD);
  assert.equal(router.routeSync(HARD, { threshold: winRate }).side, 'strong');
  assert.equal(router.routeSync(HARD, { threshold: 1 }).side, 'weak');
  assert.equal(router.routeSync(HARD, { threshold: 0 }).threshold, 0);
  const { defaultStrongShare, defaultThreshold } = router.info().calibration;
  assert.equal(router.threshold({ strongShare: defaultStrongShare }), defaultThreshold);
  assert.equal(router.threshold(), defaultThreshold);
  assert.equal(router.threshold({ threshold: 0.25 }), 0.25);
  assert.equal(router.routeSync(HARD, { strongShare: 0.1 }).threshold, router.threshold({ strongShare: 0.1 }));
  assert.ok(router.threshold({ strongShare: 0.1 }) > router.threshold({ strongShare: 0.9 }));
  // What is undefined is not given.
  assert.equal(router.threshold({ threshold: undefined, strongShare: undefined }), defaultThreshold);
});

test('a chat is scored by its newest user message with text', async () => {
  const chat = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: EASY },
    { role: 'assistant', content: null },
    { role: 'user', content: [{ type: 'text', text: 'Prove' }, { type: 'image_url', image_url: {} }, 'it.'] },
  ];
  assert.equal(promptFromMessages(chat), 'Prove\nit.');
  const expected = router.routeSync('Prove\nit.');
  assert.deepEqual(router.routeSync(chat), expected);
  assert.deepEqual(await router.route(chat), expected);
  assert.deepEqual(router.routeBatchSync([EASY, chat])[1], expected);
  assert.equal(router.winRateSync(chat), expected.winRate);
});

test('UTF-8 bytes are scored as the text that they are', async () => {
  const text = 'naïve 🦀';
  const bytes = new TextEncoder().encode(`xx${text}`).subarray(2);
  assert.deepEqual(router.routeSync(bytes), router.routeSync(text));
  assert.deepEqual(await router.route(Buffer.from(text)), router.routeSync(text));
  assert.deepEqual(router.winRatesSync([bytes, text]), router.winRatesSync([text, bytes]));
});

test('of a long prompt only what is read crosses over, with the same bits', () => {
  // Bytes cross over whole, so they show what the core makes of the uncut text.
  const { maxBytes } = router.info().featurizer;
  const word = 'why ';
  for (const end of ['', 'é', '漢', '🦀', '🦀🦀', 'a🦀']) {
    for (let before = maxBytes - 5; before <= maxBytes + 3; before += 1) {
      const text = word.repeat(maxBytes).slice(0, before) + end + word;
      assert.deepEqual(router.routeSync(text), router.routeSync(Buffer.from(text)), `${before} ${end}`);
    }
  }
  for (const unit of ['é', '漢', '🦀']) {
    const text = unit.repeat(maxBytes);
    assert.deepEqual(router.routeSync(text), router.routeSync(Buffer.from(text)));
    assert.deepEqual(router.routeBatchSync([text]), router.routeBatchSync([Buffer.from(text)]));
  }
  // What lies beyond is checked all the same.
  assert.throws(() => router.routeSync(`${word.repeat(maxBytes)}\ud800`), { kind: 'InvalidArgument' });
});

test('the part that is read holds what the core keeps, at either end', () => {
  const kept = (text, { maxBytes, tail }) => {
    const bytes = Buffer.from(text);
    return tail ? bytes.subarray(-maxBytes) : bytes.subarray(0, maxBytes);
  };
  for (const unit of ['a', 'é', '漢', '🦀', 'a🦀', '🦀é']) {
    for (const maxBytes of [1, 2, 3, 4, 5, 16, 17]) {
      for (const tail of [false, true]) {
        const text = unit.repeat(20);
        const part = withinCap(text, { maxBytes, tail });
        assert.ok(part.isWellFormed() && part.length <= maxBytes + 2);
        assert.ok(Buffer.byteLength(part) > maxBytes);
        assert.deepEqual(kept(part, { maxBytes, tail }), kept(text, { maxBytes, tail }));
      }
    }
  }
  assert.equal(withinCap('abc', { maxBytes: 3, tail: false }), 'abc');
  assert.equal(withinCap('abc', null), 'abc');
});

test('info tells what a router is', () => {
  const info = router.info();
  assert.equal(info.name, 'default');
  assert.equal(info.kind, 'linear');
  assert.equal(info.featurizer.kind, 'hashed');
  assert.ok(info.featurizer.maxBytes > 0);
  assert.equal(info.featurizer.maxTokens, null);
  assert.deepEqual(info.models, router.models);
  assert.deepEqual([info.strong, info.weak], [router.strong, router.weak]);
  assert.equal(info.mode, 'exact');
  assert.equal(info.path, null);
  assert.equal(info.runtime, null);
  assert.equal(info.votes, null);
  assert.equal(info.version, version);
  assert.ok(Object.keys(info.provenance).length > 0);
  assert.equal(router.embeddingDimension, null);
  assert.equal(inspect(router), `Router ${inspect({ name: 'default', kind: 'linear', strong: router.strong, weak: router.weak })}`);
});

test('an artifact opens from its folder, by path, by URL and on a worker thread', async () => {
  const expected = router.routeSync(HARD);
  for (const opened of [
    Router.open(DEFAULT_ARTIFACT),
    Router.open(pathToFileURL(DEFAULT_ARTIFACT)),
    await Router.openAsync(DEFAULT_ARTIFACT),
    Router.bundled('default'),
    await Router.bundledAsync('default'),
  ]) {
    assert.deepEqual(opened.routeSync(HARD), expected);
  }
  assert.equal(Router.open(DEFAULT_ARTIFACT).info().path, DEFAULT_ARTIFACT);
  assert.equal(Router.default({ mode: 'reference' }).info().mode, 'reference');
});

test('many calls may run on one router at once', async () => {
  const prompts = Array.from({ length: 200 }, (_, i) => `question number ${i} about ${'very '.repeat(i)} old trees`);
  const decisions = await Promise.all(prompts.map((prompt) => router.route(prompt)));
  assert.deepEqual(decisions, router.routeBatchSync(prompts));
});
