'use strict';

// Options of every call: what stops one stops each, in place and promised.

const assert = require('node:assert/strict');
const path = require('node:path');
const test = require('node:test');
const { Router } = require('..');

const CONFORMANCE = path.join(__dirname, '..', '..', 'tests', 'conformance');
const PROMPT = 'What is the capital of France?';
const CHAT = [{ role: 'user', content: PROMPT }];
const EMPTY = [{ role: 'user', content: '' }];
const QUESTIONS = ['winRate', 'candidateScores', 'similarity', 'explain', 'embed'];

/** One number of an answer, of which all are NaN or none is. */
function number(answer) {
  if (typeof answer === 'number') return answer;
  if ('votes' in answer) {
    assert.equal('fallback' in answer, Number.isNaN(answer.winRate));
    return answer.winRate;
  }
  assert.equal(new Set(Array.from(answer, Number.isNaN)).size, 1);
  return answer[0];
}

/** A question in both its forms. */
function asked(router, name) {
  const all = (prompt, options) => (name === 'explain' ? [prompt, 3, options] : [prompt, options]);
  return [
    async (prompt, options) => number(router[`${name}Sync`](...all(prompt, options))),
    async (prompt, options) => number(await router[name](...all(prompt, options))),
  ];
}

for (const name of QUESTIONS) {
  test(`${name} can be stopped and fall back`, async () => {
    const router = Router.open(path.join(CONFORMANCE, 'sw-hashed'));
    for (const ask of asked(router, name)) {
      const plain = await ask(PROMPT);
      assert.equal(await ask(CHAT, { read: 'conversation', timeoutMs: 60_000, onError: 'weak' }), plain);
      await assert.rejects(ask(PROMPT, { timeoutMs: 1e-6 }), { kind: 'ResourceExhausted' });
      assert.ok(Number.isNaN(await ask(PROMPT, { timeoutMs: 1e-6, onError: 'strong' })));
      await assert.rejects(ask(EMPTY), /no message that counts has text/);
      assert.ok(Number.isNaN(await ask(EMPTY, { onError: 'weak' })));
      await assert.rejects(ask(PROMPT, { timeoutMs: 0 }), /timeoutMs is 0, expected a positive number of milliseconds/);
      await assert.rejects(ask(PROMPT, { timeoutMs: '5' }), /timeoutMs is "5", expected a positive number/);
      await assert.rejects(ask(PROMPT, { onError: 'ignore' }), /onError is "ignore", expected "raise", "strong", "weak" or one of: /);
      await assert.rejects(ask(PROMPT, { threshold: 0.5 }), /unknown option "threshold"/);
    }
    const signal = AbortSignal.abort();
    await assert.rejects(asked(router, name)[1](PROMPT, { signal, onError: 'weak' }), { name: 'AbortError' });
    assert.equal(router.stats().decisions, 0, 'scores are no decisions');
  });
}

test('batches of scores fall back row by row', async () => {
  const router = Router.open(path.join(CONFORMANCE, 'sw-hashed'));
  const rate = router.winRateSync(PROMPT);
  for (const rates of [
    router.winRatesSync([PROMPT, EMPTY, CHAT], { onError: 'weak' }),
    await router.winRates([PROMPT, EMPTY, CHAT], { onError: 'weak' }),
  ]) assert.deepEqual(Array.from(rates), [rate, NaN, rate]);
  await assert.rejects(router.winRates([PROMPT], { timeoutMs: 1e-6 }), { kind: 'ResourceExhausted' });
});

test('an explanation says why there is none', () => {
  const router = Router.open(path.join(CONFORMANCE, 'sw-hashed'));
  const why = router.explainSync(PROMPT, 3, { timeoutMs: 1e-6, onError: 'strong' });
  assert.equal(why.fallback.kind, 'ResourceExhausted');
  assert.match(why.fallback.reason, /timeout/);
  assert.deepEqual([why.votes, why.ratings, why.similarity], [[], [], NaN]);
});

test('embeddings take the same options', () => {
  const router = Router.open(path.join(CONFORMANCE, 'sw-caller'));
  const row = Float32Array.of(1, 0.5, 0.25, 0, 0, 0, 0, 0.125);
  for (const ask of [
    (options) => router.candidateScoresFromEmbedding(row, options),
    (options) => router.similarityFromEmbedding(row, options),
    (options) => router.explainEmbedding(row, 1, options),
    (options) => router.winRatesFromEmbeddings(row, 1, options),
  ]) {
    assert.ok(!Number.isNaN(number(ask())));
    assert.throws(() => ask({ timeoutMs: 1e-6 }), { kind: 'ResourceExhausted' });
    assert.ok(Number.isNaN(number(ask({ timeoutMs: 1e-6, onError: 'weak' }))));
    assert.throws(() => ask({ read: 'all_user' }), /unknown option "read"/);
  }
});
