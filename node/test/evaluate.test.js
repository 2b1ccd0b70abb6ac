'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');

const { evaluate } = require('..');

const folder = mkdtempSync(join(tmpdir(), 'routellm-evaluate-'));
after(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 60 }, (_, i) => ({
  prompt: i % 3 === 0 ? `Prove that ${i} is prime` : `Greet person number ${i}`,
  big: true,
  small: i % 3 !== 0,
}));
const fast = { draws: 40, robustness: 0 };
const spec = { routers: ['default'], data: [{ rows }], ...fast };

test('an evaluation tells of routers and baselines', async () => {
  const steps = [];
  const report = await evaluate(spec, { onProgress: (step) => void steps.push(step.stage) });
  const [table] = report.tables;
  assert.deepEqual([table.strong, table.weak, table.rows, table.pair_choice], ['big', 'small', 60, 'two_models']);
  const names = ['default', 'random', 'length', 'oracle', 'best single model'];
  assert.deepEqual(table.results.map(({ name }) => name), names);
  const oracle = table.results.find(({ name }) => name === 'oracle');
  assert.ok(Math.abs(oracle.pair.router.apgr.value - (1 - 1 / 6)) < 1e-9);
  assert.ok(steps.includes('scoring default'), steps.join());
  // From a file as from memory.
  const path = join(folder, 'gold.jsonl');
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  const again = await evaluate({ ...spec, data: [path], cache: join(folder, 'scores') });
  assert.deepEqual(again.tables[0].results, table.results);
});

test('an evaluation is stopped by its signal and by its listener', async () => {
  await assert.rejects(evaluate(spec, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const many = { ...spec, draws: 2000, robustness: 60 };
  await assert.rejects(evaluate(many, { onProgress: () => false }), { code: 'ERR_ROUTELLM_CANCELLED' });
  await assert.rejects(evaluate({ ...spec, timeout_ms: 1e-6 }), { code: 'ERR_ROUTELLM_RESOURCE_EXHAUSTED' });
});

test('what is wrong is refused with what was expected', async () => {
  const refused = [
    [undefined, {}, /^spec is undefined, expected an object/],
    [spec, { progress() {} }, /unknown option/],
    [{ ...spec, draw: 1 }, {}, /unknown field `draw`/],
    [{ ...spec, routers: [] }, {}, /^routers is empty/],
    [{ ...spec, data: [] }, {}, /^there is nothing to evaluate on/],
    [{ ...spec, strong: 'huge', weak: 'small' }, {}, /no model "huge"/],
    [{ ...spec, data: [{ rows: [{ big: 1 }] }] }, {}, /line 1/],
  ];
  for (const [given, options, message] of refused) {
    await assert.rejects(evaluate(given, options), { code: 'ERR_ROUTELLM_INVALID_ARGUMENT', message }, String(message));
  }
  const missing = { ...spec, data: [join(folder, 'nothing.csv')] };
  await assert.rejects(evaluate(missing), { code: 'ERR_ROUTELLM_NOT_FOUND' });
});
