'use strict';

const assert = require('node:assert/strict');
const { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');

const { Router, evaluate, train } = require('..');

const folder = mkdtempSync(join(tmpdir(), 'routellm-train-'));
after(() => rmSync(folder, { recursive: true }));

// Hard prompts are those with "integral" in them: the strong model solves all, the weak one the easy ones.
const rows = Array.from({ length: 90 }, (_, i) => ({
  prompt: i % 3 === 0 ? `integral of x number ${i}` : `greet person ${i}`,
  big: true,
  small: i % 3 !== 0,
}));

const specTo = (out, more = {}) => ({
  trainer: { kind: 'linear', bits: 10, folds: 3, lambdas: [0.1, 1] },
  sources: [{ kind: 'gold', rows }],
  strong: 'big',
  weak: 'small',
  seed: 7,
  calibration: { date: '2026-01-31' },
  out: join(folder, out),
  ...more,
});

const files = (out) =>
  readdirSync(join(folder, out)).sort().map((name) => [name, readFileSync(join(folder, out, name), 'base64')]);

test('a specification trains a router that opens', async () => {
  const steps = [];
  const report = await train(specTo('a'), { onProgress: (step) => void steps.push(step) });
  assert.equal(report.kind, 'linear');
  assert.deepEqual(report.models, { names: ['big', 'small'], strong: 'big', weak: 'small' });
  assert.equal(report.sources[0].label_kind, 'D_gold');
  assert.equal(report.sources[0].rows, 90);
  assert.equal(report.calibration_prompts, 90);
  assert.ok(report.trained.error < report.trained.baseline_error);
  assert.ok(steps.some(({ stage, done, total }) => stage === 'cross-validation' && done <= total), JSON.stringify(steps));
  const router = await Router.open(join(folder, 'a'));
  assert.ok(router.winRateSync('integral of x number 7') > router.winRateSync('greet person 7'));
  // From a file as from memory, and again: the weights are the same.
  const path = join(folder, 'gold.jsonl');
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  await train(specTo('b', { sources: [{ kind: 'gold', path }] }));
  await train(specTo('c', { sources: [{ kind: 'gold', path }] }));
  assert.deepEqual(files('b'), files('c'));
  const weights = (out) => files(out).filter(([name]) => name !== 'router.json');
  assert.deepEqual(weights('a'), weights('b'));
});

test('held-out rows are evaluated', async () => {
  const report = await train(specTo('held', { split: 0.3, evaluation: { draws: 20, robustness: 0 } }));
  const [table] = report.evaluation.tables;
  assert.equal(table.rows, report.held_out.gold);
  assert.deepEqual(report.not_evaluated, []);
  const data = [{ rows, held_out: 0.3 }];
  const again = await evaluate({ routers: [join(folder, 'held')], data, draws: 20, robustness: 0 });
  assert.deepEqual(again.tables[0].results[0].pair, table.results[0].pair);
  await assert.rejects(train(specTo('held', { evaluation: {} })), /no effect without split/);
});

test('a training is stopped by its signal and by its listener', async () => {
  await assert.rejects(train(specTo('d'), { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const controller = new AbortController();
  const big = specTo('d', { trainer: { kind: 'linear', folds: 10, bits: 18 } });
  const onProgress = () => controller.abort(new Error('enough'));
  await assert.rejects(train(big, { signal: controller.signal, onProgress }), (error) => {
    assert.equal(error.name, 'AbortError');
    assert.equal(error.cause.message, 'enough');
    return true;
  });
  await assert.rejects(train(big, { onProgress: () => false }), { code: 'ERR_ROUTELLM_CANCELLED' });
  await assert.rejects(
    train(big, { onProgress: () => { throw new TypeError('mine'); } }),
    { name: 'TypeError', message: 'mine' },
  );
  assert.equal(existsSync(join(folder, 'd', 'router.json')), false);
  await assert.rejects(train({ ...big, timeout_ms: 1e-6 }), { code: 'ERR_ROUTELLM_RESOURCE_EXHAUSTED' });
});

test('many trainings on one signal make no warning', async () => {
  const warnings = [];
  const hear = (warning) => warnings.push(warning.name);
  process.on('warning', hear);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 12 }, (_, i) => train(specTo(`many${i}`), { signal })));
  await new Promise(setImmediate);
  process.off('warning', hear);
  assert.deepEqual(warnings, []);
});

test('what is wrong is refused with what was expected', async () => {
  const refused = [
    [undefined, {}, /^spec is undefined, expected an object/],
    [[], {}, /^spec is /],
    [specTo('e'), { onprogress() {} }, /^unknown option 'onprogress'|^unknown option "onprogress"/],
    [specTo('e'), { onProgress: 3 }, /^onProgress is 3, expected a function/],
    [specTo('e'), { signal: {} }, /^signal is .*expected an AbortSignal/],
    [specTo('e', { seed: NaN }), {}, /^spec holds NaN/],
    [specTo('e', { seed: 'x' }), {}, /invalid type/],
    [specTo('e', { seeds: 1 }), {}, /unknown field `seeds`/],
    [specTo('e', { sources: [] }), {}, /^sources is empty/],
    // A specification spells its members as every language does.
    [specTo('e', { timeout_ms: 0 }), {}, /^timeout_ms is 0/],
    [specTo('e', { trainer: { kind: 'forest' } }), {}, /expected one of `linear`/],
    [specTo('e', { strong: 'huge' }), {}, /unknown model "huge"/],
    [specTo('e', { sources: [{ kind: 'gold', rows: [{ prompt: 'p', big: 1, small: 0 }, { big: 1 }] }] }), {}, /line 2/],
  ];
  for (const [spec, options, message] of refused) {
    await assert.rejects(train(spec, options), { code: 'ERR_ROUTELLM_INVALID_ARGUMENT', message }, String(message));
  }
  const circle = specTo('e');
  circle.provenance = { circle };
  await assert.rejects(train(circle), /not representable as JSON/);
  const missing = specTo('e', { sources: [{ kind: 'gold', path: join(folder, 'nothing.csv') }] });
  await assert.rejects(train(missing), { code: 'ERR_ROUTELLM_NOT_FOUND' });
});
