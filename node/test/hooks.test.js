'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { test } = require('node:test');
const { ReloadableRouter, Router } = require('..');
const { MF_ARTIFACT, MODELS, PACKAGE, noEncoder, noRuntime } = require('./helpers.js');

const SECRET = 'xyzzy is a secret word that no event may hold';
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Lets what was queued for the event loop come. */
async function settled(events, count) {
  for (let i = 0; i < 200 && events.length < count; i += 1) await sleep(5);
  await sleep(20);
}

/** Checks that these decisions, and no other ones, were heard in this order since the last time. */
async function hold(events, decisions) {
  await settled(events, decisions.length);
  const heard = events.splice(0);
  assert.equal(heard.length, decisions.length);
  assert.deepEqual(heard.map(({ id }) => id), [...new Set(heard.map(({ id }) => id))].sort());
  heard.forEach((event, i) => {
    const { model, side, winRate, threshold, fallback, fallbackKind } = decisions[i];
    assert.match(event.id, UUID7);
    assert.deepEqual(
      [event.model, event.side, event.winRate, event.threshold, event.fallbackKind],
      [model, side, winRate, threshold, fallbackKind],
    );
    assert.deepEqual([event.index, event.batchSize, event.propensity], [i, heard.length, 1]);
    assert.ok(event.queueNs >= 0 && event.totalNs > 0 && event.queueNs + event.scoreNs <= event.totalNs);
    assert.ok(event.scoreNs >= 0 && (!fallback || event.scoreNs === 0));
    assert.ok(!JSON.stringify(event).includes('xyzzy'));
  });
}

async function everyCallIsHeard(router, options) {
  const events = [];
  router.onDecision((event) => events.push(event));
  const few = [SECRET, 'What is 17 * 23?'];
  const many = Array.from({ length: 80 }, (_, i) => `${SECRET} ${i}`.repeat(5));
  await hold(events, [router.routeSync(SECRET, options)]);
  await hold(events, [await router.route(SECRET, options)]);
  await hold(events, [await router.route(SECRET.repeat(500), options)]);
  await hold(events, [await router.route([{ role: 'user', content: SECRET }], options)]);
  await hold(events, router.routeBatchSync(few, options));
  await hold(events, await router.routeBatch(few, options));
  await hold(events, await router.routeBatch(many, options));
  router.winRateSync(SECRET);
  await router.winRate(SECRET.repeat(500));
  await router.winRates(many);
  await hold(events, []);
  router.onDecision(null);
  router.routeSync(SECRET, options);
  await hold(events, []);
}

test('every call of the default router is heard', async () => {
  await everyCallIsHeard(Router.default());
});

test('every call of a router with sessions is heard', { skip: noEncoder }, async () => {
  const router = Router.open(MF_ARTIFACT);
  await everyCallIsHeard(router);
  const events = [];
  router.onDecision((event) => events.push(event));
  const embedding = router.embedSync('hello');
  await hold(events, [router.routeEmbeddingSync(embedding)]);
  await hold(events, [await router.routeEmbedding(embedding)]);
});

test('every call of a model that reads the prompt is heard', { skip: noRuntime }, async () => {
  const router = Router.open(join(MODELS, 'bert-tiny'), { strong: 'a', weak: 'b' });
  await everyCallIsHeard(router, { threshold: 0.5 });
});

test('fallbacks are heard with their kind, and errors are not', async () => {
  const router = Router.default();
  const events = [];
  router.onDecision((event) => events.push(event));
  const decision = router.routeSync('\ud83c', { onError: 'weak' });
  assert.equal(decision.fallbackKind, 'InvalidArgument');
  await hold(events, [decision]);
  await hold(events, await router.routeBatch(['hello', []], { onError: 'strong' }));
  assert.throws(() => router.routeSync('\ud83c'), { kind: 'InvalidArgument' });
  await assert.rejects(router.routeBatch(['hello', '\ud83c']), { kind: 'InvalidArgument' });
  await hold(events, []);
});

test('only a function can hear', () => {
  const router = Router.default();
  for (const callback of [undefined, 3, {}]) {
    assert.throws(() => router.onDecision(callback), { kind: 'InvalidArgument' });
  }
});

test('a reload hands the hook on, unless the next router has its own', async () => {
  const router = new ReloadableRouter(Router.default());
  const [events, own] = [[], []];
  router.onDecision((event) => events.push(event));
  router.replace(Router.default());
  await hold(events, [router.routeSync('hello')]);
  const next = Router.default();
  next.onDecision((event) => own.push(event));
  router.replace(next);
  await hold(own, [router.routeSync('hello')]);
  await hold(events, []);
});

/** What a program prints. */
function printed(code) {
  return execFileSync(process.execPath, ['-e', code], { cwd: PACKAGE, encoding: 'utf8', timeout: 60_000 }).trim();
}

test('a hook keeps no program alive, and hears what was decided before its end', () => {
  const code = `
    const router = require('.').Router.default();
    router.onDecision(({ index }) => console.log('heard', index));
    router.routeBatchSync(['a', 'b']);
    console.log('decided');`;
  assert.equal(printed(code), 'decided\nheard 0\nheard 1');
});

test('what a hook throws is an uncaught exception, and ends no decision', () => {
  const code = `
    process.on('uncaughtException', (error) => console.log('caught', error.message));
    const router = require('.').Router.default();
    router.onDecision(({ index }) => { throw new Error(index); });
    console.log(router.routeBatchSync(['a', 'b']).length);`;
  assert.equal(printed(code), '2\ncaught 0\ncaught 1');
});
