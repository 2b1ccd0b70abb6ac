'use strict';

// Exported models as all languages share them, as data: tests/conformance/exports.json.
//
// ROUTELLM_TEST_CUDA=1 runs every case on a GPU too.

const assert = require('node:assert/strict');
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { after, test } = require('node:test');
const { Router } = require('..');
const { ROOT, bits, noRuntime } = require('./helpers.js');

const { cases } = JSON.parse(readFileSync(join(ROOT, 'tests', 'conformance', 'exports.json'), 'utf8'));
const routed = cases.filter((entry) => entry.error === undefined);
const refused = cases.filter((entry) => entry.error !== undefined);
const noGpu = process.env.ROUTELLM_TEST_CUDA !== '1' && 'needs a GPU: ROUTELLM_TEST_CUDA=1';
// A GPU adds up in another order.
const CUDA_TOLERANCE = 1e-4;

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** The options of a case, by the names that they have here. */
const optionsOf = ({ open }) => Object.fromEntries(Object.entries(open).map(([name, value]) => [camel(name), value]));
const pathOf = ({ router }) => join(ROOT, router);

function compare({ name, threshold, expected }, decisions, tolerance) {
  assert.equal(decisions.length, expected.length, name);
  for (const [i, decision] of decisions.entries()) {
    const want = expected[i];
    const off = Math.abs(decision.winRate - want.win_rate);
    assert.ok(off <= tolerance, `${name} ${i}: ${decision.winRate}, expected ${want.win_rate}`);
    assert.equal(decision.truncated, want.truncated, `${name} ${i}`);
    assert.equal(decision.noScore, want.no_score, `${name} ${i}`);
    if (Math.abs(want.win_rate - threshold) > tolerance) assert.equal(decision.side, want.side, `${name} ${i}`);
  }
}

const rates = {};

test('the file has cases of every sort', () => {
  assert.ok(routed.length >= 25 && refused.length >= 15);
});

for (const entry of routed) {
  const { name, threshold, prompts, tolerance } = entry;
  test(name, { skip: noRuntime }, async () => {
    const router = await Router.openAsync(pathOf(entry), optionsOf(entry));
    const decisions = prompts.map((prompt) => router.routeSync(prompt, { threshold }));
    assert.deepEqual(router.routeBatchSync(prompts, { threshold }), decisions);
    assert.deepEqual(await router.routeBatch(prompts, { threshold }), decisions);
    assert.deepEqual([...router.winRatesSync(prompts)], decisions.map(({ winRate }) => winRate));
    rates[name] = decisions.map(({ winRate }) => bits(winRate));
    compare(entry, decisions, tolerance);
  });
  test(`${name}, on a GPU`, { skip: noRuntime || noGpu }, () => {
    const router = Router.open(pathOf(entry), { ...optionsOf(entry), provider: 'cuda' });
    assert.equal(router.info().runtime.provider, 'cuda');
    const decisions = prompts.map((prompt) => router.routeSync(prompt, { threshold }));
    compare(entry, decisions, Math.max(tolerance, CUDA_TOLERANCE));
  });
}

for (const entry of refused) {
  test(`refused: ${entry.name}`, { skip: noRuntime }, async () => {
    const check = (error) => {
      assert.equal(error.kind, entry.error, error.message);
      // The core names options as the other languages do.
      const names = [entry.message, camel(entry.message)];
      assert.ok(names.some((name) => error.message.includes(name)), error.message);
      return true;
    };
    assert.throws(() => Router.open(pathOf(entry), optionsOf(entry)), check);
    await assert.rejects(Router.openAsync(pathOf(entry), optionsOf(entry)), check);
  });
}

// For a comparison of all languages on this machine, beside the results of the other conformance tests.
after(() => {
  const file = process.env.ROUTELLM_CONFORMANCE_OUT;
  if (!file || noRuntime) return;
  writeFileSync(file.replace(/(\.[^./\\]*)?$/, '.exports.json'), `${JSON.stringify(rates, null, 1)}\n`);
});
