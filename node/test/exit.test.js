'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { test } = require('node:test');
const { MF_ARTIFACT, PACKAGE, noEncoder } = require('./helpers.js');

const ROUTERS = {
  default: { open: 'Router.default()', skip: false },
  encoder: { open: `Router.open(${JSON.stringify(MF_ARTIFACT)}, { sessions: 2, intraThreads: 2 })`, skip: noEncoder },
};

const begin = (open) => `
  const router = ${open};
  const long = 'Why does this hold? '.repeat(500);
  const calls = Array.from({ length: 64 }, (_, i) => router.route(long, { strongShare: 0.5, timeoutMs: 1e6 + i }));
  calls.push(router.routeBatch(Array(64).fill(long), { strongShare: 0.5, signal: new AbortController().signal }));
  for (const call of calls) call.catch(() => {});`;

/** Runs a script a few times; each run has to end by itself, and well: also without complaints of ONNX Runtime. */
function endsWell(script, times = 5) {
  for (let i = 0; i < times; i += 1) {
    const run = spawnSync(process.execPath, ['-e', script], { cwd: PACKAGE, encoding: 'utf8', timeout: 120_000 });
    assert.deepEqual([run.status, run.signal, run.stderr], [0, null, ''], `run ${i}`);
  }
}

for (const [name, { open, skip }] of Object.entries(ROUTERS)) {
  test(`a process may exit while calls are in flight (${name})`, { skip }, () => {
    endsWell(`
      const { Router } = require('.');
      ${begin(open)}
      process.exit(0);`);
    endsWell(`
      const { Router } = require('.');
      ${begin(open)}
      setTimeout(() => process.exit(0), 10);`);
    // The first answer comes while others run.
    endsWell(`
      const { Router } = require('.');
      ${begin(open)}
      calls[0].then(() => process.exit(0));`);
  });

  test(`a process lives until its calls are answered (${name})`, { skip }, () => {
    endsWell(`
      const { Router } = require('.');
      ${begin(open)}
      process.exitCode = 1;
      Promise.all(calls).then(() => { process.exitCode = 0; });`, 1);
  });

  test(`a worker thread may be terminated while its calls are in flight (${name})`, { skip }, () => {
    const worker = `
      const { parentPort } = require('node:worker_threads');
      const { Router } = require(${JSON.stringify(PACKAGE)});
      ${begin(open)}
      Promise.race(calls).then(() => {});
      parentPort.postMessage('running');`;
    endsWell(`
      const { Worker } = require('node:worker_threads');
      const { Router } = require('.');
      const one = () => new Promise((resolve) => {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
        worker.once('message', () => setImmediate(() => resolve(worker.terminate())));
      });
      (async () => {
        for (let i = 0; i < 3; i += 1) await Promise.all([one(), one()]);
        const { side } = await Router.default().route('still here? '.repeat(1000));
        process.exitCode = ['strong', 'weak'].includes(side) ? 0 : 2;
      })();`, 2);
  });
}

test('a router that is closed keeps no process alive', { skip: noEncoder }, () => {
  endsWell(`
    const { Router } = require('.');
    ${begin(ROUTERS.encoder.open)}
    router.close();`, 2);
});
