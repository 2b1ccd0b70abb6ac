'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test, before, after } = require('node:test');
const { Router, train } = require('..');

const HARD = 'integral number 7 of x';
const INVALID = { code: 'ERR_ROUTELLM_INVALID_ARGUMENT' };

let folder;
let router;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'routellm-candidates-'));
  const rows = Array.from({ length: 120 }, (_, i) => JSON.stringify({
    prompt: i % 3 === 0 ? `integral number ${i} of x` : `greet person ${i}`,
    large: true,
    middle: i % 3 !== 0 || i % 2 === 0,
    small: i % 3 !== 0,
  }));
  writeFileSync(join(folder, 'gold.jsonl'), rows.join('\n'));
  const out = join(folder, 'router');
  await train({
    trainer: { kind: 'linear', bits: 10, folds: 4, per_candidate: true },
    strong: 'large',
    weak: 'small',
    sources: [{ kind: 'gold', path: join(folder, 'gold.jsonl') }],
    out,
  });
  router = Router.open(out, {
    candidates: [
      { name: 'large', price: { input: 10, output: 30 }, capabilities: ['text', 'vision'] },
      { name: 'middle', price: { input: 1, output: 4, date: '2026-01-31' }, capabilities: ['text', 'vision'] },
      { name: 'small', price: { input: 0.1, output: 0.2 }, contextLength: 100 },
    ],
    meanOutputTokens: 200,
  });
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('info says what is known of candidates', () => {
  const { candidates, meanOutputTokens } = router.info();
  assert.equal(meanOutputTokens, 200);
  assert.deepEqual(candidates[1], {
    name: 'middle',
    price: { input: 1, output: 4, date: '2026-01-31' },
    contextLength: null,
    capabilities: ['text', 'vision'],
    quality: 'platt',
  });
  assert.equal(candidates[2].contextLength, 100);
  assert.equal(Router.default().info().candidates[0].quality, null);
});

test('qualities of one, of many, in place or not', async () => {
  const one = router.qualitiesSync(HARD);
  assert.equal(one.length, 3);
  assert.ok(one[0] > one[2] && one.every((quality) => quality >= 0 && quality <= 1));
  assert.deepEqual(await router.qualities(HARD), one);
  assert.deepEqual(router.qualitiesBatchSync([HARD, HARD]), [one, one]);
  assert.deepEqual((await router.qualitiesBatch(['x', HARD]))[1], one);
  assert.deepEqual(router.qualitiesBatchSync([]), []);
  assert.ok(router.qualitiesSync([{ role: 'user', content: '' }], { onError: 'small' }).every(Number.isNaN));
  assert.throws(() => router.qualitiesSync(HARD, { onError: 'nobody' }), { ...INVALID, message: /onError is "nobody"/ });
  assert.throws(() => Router.default().qualitiesSync(HARD), { code: 'ERR_ROUTELLM_UNSUPPORTED' });
});

/** The policies as they are described, of costs in USD per 1,000 requests. */
function chosen(left, qualities, costs, { costWeight, minQuality }) {
  const better = (a, b) => a.worth > b.worth || (a.worth === b.worth && a.cost < b.cost);
  const best = (list, worth) => list
    .map((index) => ({ index, worth: worth(index), cost: costs[index] }))
    .reduce((found, one) => (found === undefined || better(one, found) ? one : found), undefined)?.index;
  if (costWeight !== undefined) return best(left, (i) => qualities[i] - costWeight * costs[i]);
  const reaching = left.filter((i) => qualities[i] >= minQuality);
  return best(reaching, (i) => -costs[i]) ?? best(left, (i) => qualities[i]);
}

test('policies do what they say', async () => {
  const names = router.models;
  for (const prompt of [HARD, 'greet person 5', 'else']) {
    const qualities = router.qualitiesSync(prompt);
    const tokens = Math.ceil(Buffer.byteLength(prompt) / 4);
    const costs = [[10, 30], [1, 4], [0.1, 0.2]].map(([input, output]) => (input * tokens + output * 200) / 1e3);
    const steps = Array.from({ length: 11 }, (_, i) => i);
    const policies = [...steps.map((i) => ({ costWeight: i * 0.03 })), ...steps.map((i) => ({ minQuality: i / 10 }))];
    for (const policy of policies) {
      for (const left of [[0, 1, 2], [1, 2], [0, 2]]) {
        const options = { ...policy, candidates: left.map((i) => names[i]) };
        const decision = router.routeSync(prompt, options);
        assert.equal(decision.candidate, chosen(left, qualities, costs, policy), JSON.stringify({ policy, left }));
        assert.equal(decision.model, names[decision.candidate]);
        assert.equal(decision.quality, qualities[decision.candidate]);
        assert.ok(Math.abs(decision.expectedCost * 1e3 - costs[decision.candidate]) < 1e-12);
        assert.deepEqual([decision.side, decision.winRate, decision.threshold], [null, null, null]);
        assert.deepEqual(await router.route(prompt, options), decision);
        assert.deepEqual(router.routeBatchSync([prompt], options), [decision]);
        assert.deepEqual(await router.routeBatch([prompt], options), [decision]);
      }
    }
  }
  assert.equal(router.routeSync(HARD, { budget: 1e6 }).candidate, chosen([0, 1, 2], router.qualitiesSync(HARD), [3, 2, 1], { costWeight: 0 }));
});

test('who is left out is not chosen, and named if nobody is left', () => {
  const cheap = { costWeight: 1000 };
  assert.equal(router.routeSync(HARD, cheap).model, 'small');
  // Longer than the router reads, and yet counted.
  assert.equal(router.routeSync('x'.repeat(100_000), cheap).expectedCost, (25_000 + 4 * 200) / 1e6);
  assert.equal(router.routeSync(HARD, { ...cheap, inputTokens: 101 }).model, 'middle');
  assert.equal(router.routeSync(HARD, { ...cheap, requires: ['vision'] }).model, 'middle');
  assert.equal(router.routeSync(HARD, { threshold: 0, candidates: ['middle', 'small'] }).side, 'weak');
  for (const [options, message] of [
    [{ requires: ['audio'] }, /"large" has no audio; "middle" has no audio; "small" has no known capabilities/],
    [{ candidates: ['small'], inputTokens: 101 }, /"small" reads 100 tokens, and the request has 101/],
    [{ candidates: ['Small'] }, /did you mean "small"/],
    [{ candidates: 'small' }, /candidates is "small", expected a list of strings/],
    [{ requires: [1] }, /requires\[0\] is 1, expected a string/],
    [{ inputTokens: 1.5 }, /inputTokens is 1.5, expected a whole number/],
    [{ costWeight: NaN }, /costWeight is NaN, expected a number from 0 on/],
    [{ budget: 1 }, /costWeight and budget are given/],
  ]) {
    assert.throws(() => router.routeSync(HARD, { ...cheap, ...options }), { ...INVALID, message });
  }
});

test('what cannot be scored goes to a candidate', (t) => {
  t.mock.method(process, 'emitWarning', () => {});
  const decision = router.routeSync([{ role: 'user', content: '' }], { onError: 'middle' });
  assert.deepEqual([decision.model, decision.side, decision.fallback], ['middle', null, true]);
  assert.throws(() => router.routeSync(HARD, { onError: 'nobody' }), {
    ...INVALID, message: /onError is "nobody", expected "raise", "strong", "weak" or one of: large/,
  });
});

test('the hook hears of the candidate', async () => {
  const seen = [];
  router.onDecision((event) => seen.push(event));
  const decision = await router.route(HARD, { costWeight: 0 });
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  router.onDecision(null);
  const { candidate, side, threshold, quality, expectedCost } = seen[0];
  assert.deepEqual([candidate, side, threshold], [decision.candidate, null, null]);
  assert.deepEqual([quality, expectedCost], [decision.quality, decision.expectedCost]);
});
