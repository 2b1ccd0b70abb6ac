'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const { test } = require('node:test');
const { RouteLLMError, Router } = require('..');
const {
  DEFAULT_ARTIFACT, DIMENSION, MF_ARTIFACT, PACKAGE, noEncoder, runScript, temporary, writeCheckpoint,
} = require('./helpers.js');

const HALF = { threshold: 0.5 };
/** Longer than what is decided in place, for any router. */
const LONG = 'Explain, step by step, why the square root of two is no ratio of whole numbers. '.repeat(80);
// A call that nobody ends would hang: the limit turns that into a failure.
const withEncoder = { skip: noEncoder, timeout: 300_000 };

const openEncoder = (options) => Router.open(MF_ARTIFACT, { sessions: 1, intraThreads: 1, ...options });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const kinds = (outcomes) => outcomes.map(({ status, reason }) => (status === 'rejected' ? reason.kind : status));
const count = (values, value) => values.filter((one) => one === value).length;

/** Lets the event loop turn until `condition()` holds. */
async function until(condition) {
  while (!condition()) await turn();
}

/** Whether a promise settles before the event loop turns. */
async function settlesInPlace(promise) {
  let settled = false;
  const settle = () => { settled = true; };
  promise.then(settle, settle);
  for (let i = 0; i < 20; i += 1) await null;
  return settled;
}

test('what takes little time is decided before the event loop turns, and the rest is not', async (t) => {
  const router = Router.default();
  const caller = Router.open(writeCheckpoint(temporary(t)));
  const embedding = new Float32Array(DIMENSION).fill(0.5);
  assert.ok(await settlesInPlace(router.route('x')));
  assert.ok(await settlesInPlace(router.route('\ud800', { onError: 'weak' })));
  assert.ok(await settlesInPlace(router.routeBatch(['x', 'y'])));
  assert.ok(await settlesInPlace(router.routeBatch([])));
  assert.ok(await settlesInPlace(router.winRate('x')));
  assert.ok(await settlesInPlace(router.winRates(['x', 'y'])));
  assert.ok(await settlesInPlace(caller.routeEmbedding(embedding, HALF)));

  assert.ok(!await settlesInPlace(router.route(LONG)));
  assert.ok(!await settlesInPlace(router.winRate(LONG)));
  // Each is short, and all of them are not.
  assert.ok(!await settlesInPlace(router.routeBatch(Array(1000).fill('x'))));
  assert.ok(!await settlesInPlace(router.winRates(Array(1000).fill('x'))));

  // The same bits either way.
  assert.deepEqual(await router.route(LONG), router.routeSync(LONG));
  assert.deepEqual(await caller.routeEmbedding(embedding, HALF), caller.routeEmbeddingSync(embedding, HALF));
  const prompts = [...Array(1000).fill('x'), LONG];
  assert.deepEqual(await router.routeBatch(prompts), router.routeBatchSync(prompts));
});

test('every plain call of a storm settles, whatever is aborted or timed out beside it', withEncoder, async () => {
  const router = openEncoder();
  const prompt = 'Given a list of integers, find the longest increasing subsequence. '.repeat(2);
  const expected = await router.route(prompt, HALF);
  const begin = performance.now();
  await router.route(prompt, HALF);
  const run = performance.now() - begin;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let [plain, ended] = [0, 0];
  for (let i = 0; i < 150; i += 1) {
    const controller = new AbortController();
    const { signal } = controller;
    // The first one runs; the others wait, and some of them end about when their turn comes.
    const calls = [router.route(prompt, HALF)];
    await pause(Math.max(0, run * ((i % 10) / 8)));
    const others = [
      router.route(prompt, { ...HALF, signal }),
      router.route(prompt, { ...HALF, timeoutMs: 0.1 + run * ((i % 7) / 7) }),
      router.routeBatch([prompt, prompt], { ...HALF, signal }),
    ];
    calls.push(router.route(prompt, HALF));
    const settled = Promise.allSettled(others);
    await pause(i % 3);
    controller.abort();
    calls.push(router.route(prompt, HALF));
    for (const decision of await Promise.all(calls)) assert.deepEqual(decision, expected);
    plain += calls.length;
    const outcomes = kinds(await settled);
    for (const kind of outcomes) assert.ok(['fulfilled', 'Cancelled', 'ResourceExhausted'].includes(kind), kind);
    ended += outcomes.length - count(outcomes, 'fulfilled');
  }
  assert.equal(plain, 450);
  assert.ok(ended > 0);
  await until(() => router.stats().busy === 0);
  assert.equal(router.stats().waiting, 0);
});

/** Work of libuv's pool, done while 64 calls are in flight: how many of them were over by then. */
const beside = (open) => runScript(`
  const { Router } = require('.');
  const router = ${open};
  const prompt = ${JSON.stringify(LONG.repeat(4))};
  let over = 0;
  (async () => {
    const calls = Array.from({ length: 64 }, () => router.route(prompt, { threshold: 0.5 }).then(() => { over += 1; }));
    await Promise.all([
      require('node:fs').promises.readFile('package.json'),
      require('node:dns').promises.lookup('localhost'),
    ]);
    const before = over;
    await Promise.all(calls);
    console.log(JSON.stringify({ before, over }));
  })();`, { cwd: PACKAGE, env: { UV_THREADPOOL_SIZE: '1' } });

test('64 calls in flight leave the pool of libuv to files and names', withEncoder, () => {
  const open = `Router.open(${JSON.stringify(MF_ARTIFACT)}, { sessions: 1, intraThreads: 1 })`;
  const { before, over } = beside(open);
  // In the pool, behind which they would wait, all of them would have been over.
  assert.ok(before < 64, `${before} were over before a file was read`);
  assert.equal(over, 64);
});

test('no call needs the pool of libuv', { timeout: 120_000 }, (t) => {
  // Its only thread waits for a byte that comes when the calls have been answered.
  const pipe = join(temporary(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const answer = runScript(`
    const { constants, openSync, read, writeSync } = require('node:fs');
    const { Router } = require('.');
    const pipe = openSync(${JSON.stringify(pipe)}, constants.O_RDWR);
    let free = false;
    read(pipe, Buffer.alloc(1), 0, 1, null, () => { free = true; });
    (async () => {
      const router = await Router.openAsync(${JSON.stringify(DEFAULT_ARTIFACT)});
      const long = ${JSON.stringify(LONG)};
      await router.route(long);
      const rates = await router.winRates(Array(100).fill(long));
      console.log(JSON.stringify({ free, rates: rates.length }));
      writeSync(pipe, 'x');
    })();`, { cwd: PACKAGE, env: { UV_THREADPOOL_SIZE: '1' } });
  assert.deepEqual(answer, { free: false, rates: 100 });
});

test('a timeout counts from the call, waiting included', withEncoder, async () => {
  const router = openEncoder();
  let over = 0;
  const calls = Array.from({ length: 64 }, () => router.route(LONG, HALF).then(() => { over += 1; }));
  await assert.rejects(router.route('x', { ...HALF, timeoutMs: 1 }), { kind: 'ResourceExhausted' });
  assert.ok(over < 64, 'it waited for those before it');
  const fallback = await router.route('x', { ...HALF, timeoutMs: 1, onError: 'strong' });
  assert.equal(fallback.side, 'strong');
  assert.match(fallback.fallbackReason, /timeout/);
  assert.ok(over < 64, 'it waited for those before it');
  await Promise.all(calls);
});

test('an abort ends a call that waits, and those behind it come earlier', withEncoder, async () => {
  const router = openEncoder();
  let over = 0;
  const calls = Array.from({ length: 32 }, () => router.route(LONG, HALF).then(() => { over += 1; }));
  for (const call of ['route', 'routeBatch', 'winRate', 'winRates', 'embed']) {
    const controller = new AbortController();
    const argument = call.endsWith('h') || call.endsWith('s') ? [LONG] : LONG;
    const waiting = router[call](argument, { signal: controller.signal });
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
  }
  assert.ok(over < 32);
  await until(() => router.stats().waiting <= 32 - over);
  await Promise.all(calls);
});

test('a signal stops every call that reads a prompt', withEncoder, async () => {
  const router = openEncoder();
  const signal = AbortSignal.abort();
  for (const call of [
    () => router.candidateScores('x', { signal }),
    () => router.similarity('x', { signal }),
    () => router.explain('x', 1, { signal }),
    () => router.embed('x', { signal }),
    () => Router.default().candidateScores('x', { signal }),
  ]) {
    await assert.rejects(call(), { name: 'AbortError' });
  }
  assert.deepEqual(await router.embed('x', { signal: new AbortController().signal }), router.embedSync('x'));
});

test('beyond maxWaiting a call is refused at once, or decided by onError', withEncoder, async () => {
  const router = openEncoder({ maxWaiting: 3 });
  const outcomes = kinds(await Promise.allSettled(Array.from({ length: 40 }, () => router.route(LONG, HALF))));
  assert.equal(count(outcomes, 'fulfilled') + count(outcomes, 'ResourceExhausted'), 40);
  // One has a session, and three wait.
  assert.ok(count(outcomes, 'fulfilled') >= 4 && count(outcomes, 'ResourceExhausted') >= 1, outcomes.join());
  // A batch counts once, however long it is.
  const batches = await Promise.all(Array.from({ length: 3 }, () => router.routeBatch(Array(5).fill('x'), HALF)));
  assert.equal(batches.flat().length, 15);

  const decisions = await Promise.all(
    Array.from({ length: 40 }, () => router.route(LONG, { ...HALF, onError: 'strong' })),
  );
  const fallbacks = decisions.filter(({ fallback }) => fallback);
  assert.ok(fallbacks.length >= 1 && fallbacks.length <= 36);
  for (const { side, winRate, fallbackReason } of fallbacks) {
    assert.deepEqual([side, winRate], ['strong', null]);
    assert.match(fallbackReason, /maxWaiting allows.*onError/);
  }
  assert.equal(router.stats().fallbacks.ResourceExhausted, fallbacks.length);
  assert.equal(router.fallbacks, fallbacks.length);
});

test('maxWaiting is refused where nobody waits, and where it is no number', () => {
  assert.throws(() => Router.default({ maxWaiting: 1 }), { kind: 'InvalidArgument', message: /maxWaiting.* no effect/ });
  for (const maxWaiting of [-1, 1.5, NaN, Infinity, '2', null]) {
    assert.throws(() => Router.default({ maxWaiting }), { kind: 'InvalidArgument', message: /maxWaiting is .*from 0 on/ });
  }
});

test('stats tell what a router has done', async () => {
  const router = Router.default();
  assert.deepEqual(router.stats(), { sessions: 0, busy: 0, waiting: 0, decisions: 0, fallbacks: {}, notices: [] });
  router.routeSync('x');
  await router.route(LONG);
  await router.routeBatch(['x', 'y']);
  router.routeSync('\ud800', { onError: 'weak' });
  router.winRateSync('x');
  const fallbacks = { InvalidArgument: 1 };
  assert.deepEqual(router.stats(), { sessions: 0, busy: 0, waiting: 0, decisions: 5, fallbacks, notices: [] });
});

test('stats tell how busy the sessions are', withEncoder, async () => {
  const router = openEncoder({ sessions: 2 });
  const { sessions, busy, waiting } = router.stats();
  assert.deepEqual({ sessions, busy, waiting }, { sessions: 2, busy: 0, waiting: 0 });
  const calls = Array.from({ length: 40 }, () => router.route(LONG, HALF));
  await until(() => router.stats().busy === 2);
  const during = router.stats();
  assert.ok(during.waiting > 0 && during.waiting <= 38, JSON.stringify(during));
  await Promise.all(calls);
  await until(() => router.stats().busy === 0);
  assert.deepEqual(router.stats(), { sessions: 2, busy: 0, waiting: 0, decisions: 40, fallbacks: {}, notices: [] });
});

/** What each method says, on a router that is closed. */
async function refusesEverything(router) {
  const embedding = new Float32Array(router.embeddingDimension ?? 1);
  for (const call of [
    () => router.route('x', HALF),
    () => router.route(LONG, HALF),
    () => router.routeSync('x', HALF),
    () => router.route('x', { ...HALF, onError: 'strong' }),
    () => router.routeBatch(['x'], HALF),
    () => router.routeBatch(Array(1000).fill('x'), HALF),
    () => router.routeBatchSync(['x'], HALF),
    () => router.routeEmbedding(embedding, HALF),
    () => router.routeEmbeddingSync(embedding, HALF),
    () => router.winRate('x'),
    () => router.winRateSync('x'),
    () => router.winRates([LONG]),
    () => router.winRatesSync(['x']),
    () => router.winRatesFromEmbeddings(embedding),
    () => router.candidateScores('x'),
    () => router.candidateScoresSync('x'),
    () => router.candidateScoresFromEmbedding(embedding),
    () => router.similarity('x'),
    () => router.similaritySync('x'),
    () => router.similarityFromEmbedding(embedding),
    () => router.explain('x', 1),
    () => router.explainSync('x', 1),
    () => router.explainEmbedding(embedding, 1),
    () => router.embed('x'),
    () => router.embedSync('x'),
  ]) {
    await assert.rejects(async () => call(), (error) => {
      assert.ok(error instanceof RouteLLMError, `${call}: ${error}`);
      assert.equal(error.code, 'ERR_ROUTELLM_INVALID_ARGUMENT', `${call}: ${error}`);
      assert.match(error.message, /closed/, `${call}`);
      return true;
    });
  }
}

test('a closed router refuses calls, and still tells what it is', async (t) => {
  const caller = Router.open(writeCheckpoint(temporary(t)));
  for (const router of [Router.default(), caller]) {
    const info = router.info();
    assert.equal(router.closed, false);
    router.close();
    router.close();
    assert.equal(router.closed, true);
    await refusesEverything(router);
    assert.deepEqual(router.info(), info);
    assert.equal(router.stats().decisions, 0);
  }
  // Others are not touched.
  assert.equal(typeof Router.default().routeSync('x').model, 'string');
});

test('a block with using closes its router', { skip: Symbol.dispose === undefined && 'Symbol.dispose is not in this Node' }, () => {
  const router = Router.default();
  router[Symbol.dispose]();
  assert.equal(router.closed, true);
});

test('closing ends the calls that wait, and lets those that run finish', withEncoder, async () => {
  const router = openEncoder();
  const calls = Array.from({ length: 40 }, () => router.route(LONG, HALF));
  await until(() => router.stats().busy === 1);
  router.close();
  const outcomes = await Promise.allSettled(calls);
  const ended = kinds(outcomes);
  assert.ok(count(ended, 'fulfilled') >= 1 && count(ended, 'Cancelled') >= 1, ended.join());
  assert.equal(count(ended, 'fulfilled') + count(ended, 'Cancelled'), 40, ended.join());
  for (const { reason } of outcomes.filter(({ status }) => status === 'rejected')) {
    assert.equal(reason.code, 'ERR_ROUTELLM_CANCELLED');
    assert.match(reason.message, /closed/);
  }
  await refusesEverything(router);
});
