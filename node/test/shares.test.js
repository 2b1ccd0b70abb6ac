'use strict';

const assert = require('node:assert/strict');
const { cpSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { Router, upgradeArtifact } = require('..');
const { ROOT, temporary, writeCheckpoint } = require('./helpers.js');

const NOTHING = 1 + Number.EPSILON;
const router = Router.default();
const invalid = { code: 'ERR_ROUTELLM_INVALID_ARGUMENT' };
const artifact = (name) => join(ROOT, 'tests', 'conformance', name);

test('a share of 0 sends nothing to strong, and 1 everything', async () => {
  assert.deepEqual(router.share(0), { threshold: NOTHING, share: 0 });
  assert.deepEqual(router.share(1), { threshold: 0, share: 1 });
  for (const [strongShare, threshold, side] of [[0, NOTHING, 'weak'], [1, 0, 'strong']]) {
    assert.equal(router.threshold({ strongShare }), threshold);
    assert.equal(router.threshold({ threshold }), threshold);
    for (const prompt of ['', 'hi', 'Prove that there are infinitely many primes.']) {
      const decision = router.routeSync(prompt, { strongShare });
      assert.deepEqual([decision.side, decision.threshold], [side, threshold]);
      assert.deepEqual(router.routeSync(prompt, { threshold }), decision);
      assert.deepEqual(await router.route(prompt, { threshold }), decision);
      assert.deepEqual((await router.routeBatch([prompt], { threshold }))[0], decision);
    }
  }
});

test('what is outside is refused', () => {
  for (const wrong of [1 + 2 * Number.EPSILON, 1.1, -1e-300, NaN, '0.5', undefined]) {
    assert.throws(() => router.share(wrong), invalid);
    if (wrong !== undefined) assert.throws(() => router.routeSync('x', { threshold: wrong }), invalid);
  }
  assert.throws(() => router.routeSync('x', { strongShare: NOTHING }), invalid);
});

test('the ends need no calibration', (t) => {
  const caller = Router.open(writeCheckpoint(join(temporary(t), 'mf')));
  assert.deepEqual(caller.share(0), { threshold: NOTHING, share: 0 });
  assert.throws(() => caller.share(0.5), { ...invalid, message: /no calibration/ });
});

test('the ends beat what is decided for far prompts, and errors beat the ends', () => {
  const far = Float32Array.of(-1, 0, 0, 0, 0, 0, 0, 0);
  for (const side of ['strong', 'weak']) {
    const votes = Router.open(artifact('sw-lopsided'), { outOfDistribution: side });
    assert.equal(votes.routeEmbeddingSync(far, { strongShare: 0.5 }).side, side);
    for (const [strongShare, expected] of [[0, 'weak'], [1, 'strong']]) {
      const decision = votes.routeEmbeddingSync(far, { strongShare });
      assert.deepEqual([decision.side, decision.outOfDistribution], [expected, true]);
      // Above 1 a threshold sends nothing either; 0 is one as any other.
      const again = votes.routeEmbeddingSync(far, { threshold: decision.threshold });
      assert.equal(again.side, strongShare === 0 ? 'weak' : side);
      const fallback = votes.routeEmbeddingSync(new Float32Array(8), { strongShare, onError: side });
      assert.deepEqual([fallback.side, fallback.fallback], [side, true]);
    }
  }
});

test('a share tells its threshold and what it reaches', () => {
  const { count, points, sha256, date, shareError } = router.info().calibration;
  assert.ok(count > 1000 && points > 900 && shareError < 2e-3);
  assert.ok(sha256 === null || /^[0-9a-f]{64}$/.test(sha256));
  assert.ok(date === null || /^\d{4}-\d\d-\d\d$/.test(date));
  for (const strongShare of [0.1, 0.37, 0.9]) {
    const { threshold, share } = router.share(strongShare);
    assert.equal(threshold, router.threshold({ strongShare }));
    assert.ok(Math.abs(share - strongShare) <= 1e-3);
  }
});

test('a pair inside one tier is refused', () => {
  const pair = { strong: 'small', weak: 'tiny' };
  assert.throws(() => Router.open(artifact('sw-caller'), pair), { ...invalid, message: /tier 3 of 4.*more votes/ });
  assert.match(Router.open(artifact('sw-caller'), { ...pair, mode: 'reference' }).info().constant, /one half/);
  assert.equal(router.info().constant, null);
});

test('an older artifact is upgraded', (t) => {
  const folder = join(temporary(t), 'old');
  cpSync(artifact('sw-caller'), folder, { recursive: true });
  const version = () => JSON.parse(readFileSync(join(folder, 'router.json'))).format_version;
  assert.equal(version(), 1);
  const before = Router.open(folder).share(0.3);
  assert.equal(upgradeArtifact(folder), true);
  assert.equal(upgradeArtifact(pathToFileURL(folder)), false);
  assert.equal(version(), 2);
  assert.deepEqual(Router.open(folder).share(0.3), before);
  assert.throws(() => upgradeArtifact(join(folder, 'nothing')), { code: 'ERR_ROUTELLM_NOT_FOUND' });
  assert.throws(() => upgradeArtifact(7), invalid);
});
