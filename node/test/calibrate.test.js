'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, test } = require('node:test');

const { Router } = require('..');

const folder = mkdtempSync(join(tmpdir(), 'routellm-calibrate-'));
after(() => rmSync(folder, { recursive: true }));

const prompts = Array.from({ length: 250 }, (_, i) => `Question ${i}: what is ${i * i}? ${'Explain. '.repeat(i % 7)}`);

test('a router is calibrated, kept and opened again', async () => {
  const router = Router.default();
  const mine = await router.calibrate({ prompts, strongShare: 0.2, furtherRequests: 1000 });
  const report = mine.calibrationReport;
  assert.equal(report.further_requests, 1000);
  assert.ok(report.prediction_interval.low <= report.strong_share && report.strong_share <= report.prediction_interval.high);
  assert.equal(mine.routeSync('Hello!').threshold, report.threshold);
  assert.equal(router.calibrationReport, null);
  const strong = mine.routeBatchSync(prompts).filter(({ side }) => side === 'strong').length;
  assert.equal(strong / 250, report.strong_share);
  const file = join(folder, 'calibration.json');
  mine.saveCalibration(file);
  assert.equal(Router.default({ calibration: file }).routeSync('Hello!').threshold, report.threshold);
  mine.saveCalibration(join(folder, 'artifact'));
  assert.equal(Router.open(join(folder, 'artifact')).routeSync('Hello!').threshold, report.threshold);
  // The routers close one by one.
  router.close();
  mine.routeSync('Hello!');
});

test('samples come in many forms', async () => {
  const router = Router.default();
  const winRates = router.winRatesSync(prompts);
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, prompts.map((content) => JSON.stringify({ body: { messages: [{ role: 'user', content }] } })).join('\n'));
  const chats = prompts.map((content) => [{ role: 'user', content }]);
  const thresholds = [];
  for (const sample of [{ prompts }, { winRates }, { path }, { chats }, { rows: prompts.map((prompt) => ({ prompt })) }]) {
    thresholds.push((await router.calibrate({ ...sample, strongShare: 0.3 })).calibrationReport.threshold);
  }
  assert.equal(new Set(thresholds).size, 1);
  await assert.rejects(router.calibrate({ prompts }), /one target/);
  await assert.rejects(router.calibrate({ prompts, share: 1 }), /unknown field/);
  await assert.rejects(router.calibrate({ prompts, strongShare: 0.3 }, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('a threshold outside the sample is warned of once', async () => {
  const mine = await Router.default().calibrate({ winRates: [0.25, 0.5, 0.55], strongShare: 0.5 });
  const heard = [];
  const listener = (warning) => heard.push(warning);
  process.on('warning', listener);
  mine.routeSync('Hello!', { threshold: 0.5 });
  mine.routeSync('Hello!', { threshold: 0.6 });
  await mine.routeBatch(['a', 'b'], { threshold: 0.7 });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listener);
  assert.deepEqual(heard.map(({ code }) => code), ['ROUTELLM_THRESHOLD']);
  assert.match(heard[0].message, /^threshold 0.6 is above every win rate of the calibration sample \(0.25 to 0.55\)/);
  assert.equal(mine.stats().notices.length, 1);
});
