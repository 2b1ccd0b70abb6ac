'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { cpSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { inspect } = require('node:util');
const { test } = require('node:test');
const { ReloadableRouter, Router } = require('..');
const { DEFAULT_ARTIFACT, MF_ARTIFACT, noEncoder, temporary } = require('./helpers.js');

const LONG = 'Which of these proofs is wrong, and where? '.repeat(150);

/** Opens a copy of the default router whose models have other names. */
function renamed(t, names) {
  const folder = temporary(t);
  cpSync(DEFAULT_ARTIFACT, folder, { recursive: true });
  const path = join(folder, 'router.json');
  let text = readFileSync(path, 'utf8');
  for (const [from, to] of Object.entries(names)) text = text.replaceAll(JSON.stringify(from), JSON.stringify(to));
  // The checksum is of the text with zeros in its place.
  const { manifest_sha256: old } = JSON.parse(text);
  text = text.replace(old, '0'.repeat(64));
  writeFileSync(path, text.replace('0'.repeat(64), createHash('sha256').update(text).digest('hex')));
  return Router.open(folder);
}

/** Calls on `router` while it is exchanged: each has the answer of the router that was in use when it began. */
async function underLoad(router, routers, rounds) {
  const expected = new Map();
  for (const one of routers) expected.set(one, await one.routeBatch(['x', LONG], { threshold: 0.5 }));
  const calls = [];
  const call = () => {
    const [short, long] = expected.get(router.current);
    calls.push(
      router.route('x', { threshold: 0.5 }).then((decision) => assert.deepEqual(decision, short)),
      router.route(LONG, { threshold: 0.5 }).then((decision) => assert.deepEqual(decision, long)),
      router.routeBatch([LONG, 'x'], { threshold: 0.5 }).then((batch) => assert.deepEqual(batch, [long, short])),
    );
    assert.deepEqual(router.routeSync('x', { threshold: 0.5 }), short);
  };
  for (let i = 0; i < rounds; i += 1) {
    call();
    const [before, next] = [router.current, routers[i % routers.length]];
    assert.equal(router.replace(next), before);
    assert.equal(router.current, next);
    call();
    if (i % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
}

test('no call fails or is torn while the router is exchanged', async (t) => {
  const first = Router.default();
  const second = renamed(t, { [first.strong]: 'large', [first.weak]: 'small' });
  assert.deepEqual([second.strong, second.weak], ['large', 'small']);
  await underLoad(new ReloadableRouter(first), [second, first], 60);
});

test('no call on sessions fails or is torn while the router is exchanged', { skip: noEncoder, timeout: 300_000 }, async () => {
  const options = { sessions: 1, intraThreads: 1 };
  const first = Router.open(MF_ARTIFACT, options);
  const [strong, weak] = [first.weak, first.models.find((name) => ![first.strong, first.weak].includes(name))];
  const second = Router.open(MF_ARTIFACT, { ...options, strong, weak });
  await underLoad(new ReloadableRouter(first), [second, first], 6);
});

test('it has all that a router has', async () => {
  const router = Router.default();
  const reloadable = new ReloadableRouter(router);
  assert.deepEqual(reloadable.info(), router.info());
  assert.deepEqual([reloadable.strong, reloadable.weak, reloadable.models], [router.strong, router.weak, router.models]);
  assert.equal(reloadable.embeddingDimension, null);
  assert.equal(reloadable.threshold({ strongShare: 0.5 }), router.threshold({ strongShare: 0.5 }));
  assert.deepEqual(await reloadable.winRates(['x']), await router.winRates(['x']));
  assert.equal(inspect(reloadable), inspect(router));
  reloadable.routeSync('\ud800', { onError: 'weak' });
  assert.deepEqual([reloadable.fallbacks, reloadable.stats()], [1, router.stats()]);
  reloadable.close();
  assert.deepEqual([router.closed, reloadable.closed], [true, true]);
});

test('what is no open router does not take over', async () => {
  const router = Router.default();
  const reloadable = new ReloadableRouter(router);
  const closed = Router.default();
  closed.close();
  const refused = (message) => ({ code: 'ERR_ROUTELLM_INVALID_ARGUMENT', message });
  for (const make of [(value) => new ReloadableRouter(value), (value) => reloadable.replace(value)]) {
    for (const value of [undefined, null, 'path', {}, reloadable, Router]) {
      assert.throws(() => make(value), refused(/router is .*expected a Router/));
    }
    assert.throws(() => make(closed), refused(/closed/));
  }
  assert.equal(reloadable.current, router);
  assert.equal(typeof (await reloadable.route('x')).model, 'string');
});
