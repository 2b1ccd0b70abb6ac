'use strict';

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const { test } = require('node:test');
const { RouteLLMError, Router } = require('..');
const native = require('../native.js');
const { MF_ARTIFACT, noEncoder, runScript } = require('./helpers.js');

const router = Router.default();
const isAbort = (reason) => (error) => {
  assert.ok(error instanceof RouteLLMError);
  assert.equal(error.name, 'AbortError');
  assert.equal(error.code, 'ERR_ROUTELLM_CANCELLED');
  assert.equal(error.kind, 'Cancelled');
  assert.equal(error.cause, reason);
  return true;
};

test('a signal that is aborted before the call rejects it', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await assert.rejects(router.route('x', { signal }), isAbort(reason));
  await assert.rejects(router.routeBatch(['x'], { signal }), isAbort(reason));
  await assert.rejects(router.routeEmbedding(new Float32Array(3), { signal }), isAbort(reason));
  await assert.rejects(router.winRate('x', { signal }), isAbort(reason));
  await assert.rejects(router.winRates(['x'], { signal }), isAbort(reason));
  // Who aborts wants no decision.
  await assert.rejects(router.route('x', { signal, onError: 'strong' }), isAbort(reason));
});

test('a signal that is aborted during the call rejects it, with its reason', async () => {
  const controller = new AbortController();
  const prompts = Array(3000).fill('word '.repeat(3000));
  const promise = router.routeBatch(prompts, { signal: controller.signal });
  setTimeout(() => controller.abort('changed my mind'), 5);
  await assert.rejects(promise, isAbort('changed my mind'));
});

test('a time limit is a signal', async () => {
  const signal = AbortSignal.timeout(5);
  const prompts = Array(3000).fill('word '.repeat(3000));
  await assert.rejects(router.winRates(prompts, { signal }), (error) => {
    isAbort(signal.reason)(error);
    return error.cause.name === 'TimeoutError';
  });
});

test('a signal that is not aborted changes nothing and keeps nothing', async () => {
  const { signal } = new AbortController();
  const expected = router.routeSync('x');
  const calls = Array.from({ length: 50 }, () => router.route('x', { signal }));
  assert.deepEqual(await Promise.all(calls), Array(50).fill(expected));
  assert.equal(await router.winRate('x', { signal }), expected.winRate);
  await assert.rejects(router.winRates(['\ud800'], { signal }), { kind: 'InvalidArgument' });
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a thousand calls have one listener on their signal, and no warning', async () => {
  const warnings = [];
  const warned = (warning) => warnings.push(warning);
  process.on('warning', warned);
  try {
    const controller = new AbortController();
    const { signal } = controller;
    const prompt = 'word '.repeat(3000);
    const calls = Array.from({ length: 1000 }, () => router.winRate(prompt, { signal }));
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    const rates = await Promise.all(calls);
    assert.deepEqual(rates, Array(1000).fill(rates[0]));
    assert.equal(getEventListeners(signal, 'abort').length, 0);

    const aborted = Array.from({ length: 1000 }, () => router.winRate(prompt, { signal }));
    controller.abort('enough');
    await Promise.all(aborted.map((call) => assert.rejects(call, isAbort('enough'))));
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await new Promise(setImmediate);
    assert.deepEqual(warnings, []);
  } finally {
    process.off('warning', warned);
  }
});

// The promise of the native layer is settled when the work has ended: as cancelled only if it did not run to its end.
test('an abort stops the work, not only the promise', async () => {
  const inner = native.open(undefined, '{}');
  const cancel = new native.NativeCancel();
  const prompts = Array(4000).fill('some words '.repeat(1500));
  const batch = inner.routeBatch(prompts, NaN, NaN, 0, NaN, undefined, cancel);
  const rates = inner.winRates(prompts, 0, NaN, cancel);
  setTimeout(() => cancel.cancel(), 5);
  await Promise.all([batch, rates].map((call) => assert.rejects(call, { code: 'ERR_ROUTELLM_CANCELLED' })));
});

// With one session, the next call can only begin when the aborted one has left it. The ratio is taken
// in one process, so that a slow machine slows both sides.
test('an abort stops a run of ONNX Runtime', { skip: noEncoder }, () => {
  const { name, whole, free } = runScript(`
    const { Router } = require('.');
    const router = Router.open(${JSON.stringify(MF_ARTIFACT)}, { sessions: 1, intraThreads: 1 });
    const prompts = Array(30).fill('some words '.repeat(2000));
    (async () => {
      const begin = performance.now();
      await router.routeBatch(prompts, { threshold: 0.5 });
      const whole = performance.now() - begin;
      const controller = new AbortController();
      const batch = router.routeBatch(prompts, { threshold: 0.5, signal: controller.signal });
      await new Promise((resolve) => setTimeout(resolve, whole / 20));
      const abort = performance.now();
      controller.abort();
      const name = await batch.then(() => 'none', (error) => error.name);
      await router.route('next', { threshold: 0.5 });
      const free = performance.now() - abort;
      console.log(JSON.stringify({ name, whole, free }));
    })();`);
  assert.equal(name, 'AbortError');
  assert.ok(free < whole / 2, JSON.stringify({ whole, free }));
});
