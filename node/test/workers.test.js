'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { Router } = require('..');
const { MF_ARTIFACT, PACKAGE, noEncoder } = require('./helpers.js');

/** Runs `body` in `count` worker threads at once; `routellm` and `prompts` are there. Gives what they return. */
function inWorkers(count, body, prompts) {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const routellm = require(workerData.folder);
    (async ({ prompts }) => { ${body} })(workerData).then((value) => parentPort.postMessage(value));`;
  const one = () => new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData: { folder: PACKAGE, prompts } });
    let answer;
    worker.on('message', (value) => { answer = value; });
    worker.on('error', reject);
    worker.on('exit', (status) => (status === 0 ? resolve(answer) : reject(new Error(`exit ${status}`))));
  });
  return Promise.all(Array.from({ length: count }, one));
}

const prompts = Array.from({ length: 100 }, (_, i) => `question ${i}: ${'why '.repeat(i % 13)}`);

test('worker threads route side by side, with the same bits', async () => {
  const router = Router.default();
  const expected = router.routeBatchSync(prompts);
  const answers = await inWorkers(4, `
    const router = routellm.Router.default();
    const sync = prompts.map((prompt) => router.routeSync(prompt));
    const promises = await Promise.all(prompts.map((prompt) => router.route(prompt)));
    return { sync, promises };`, prompts);
  for (const { sync, promises } of answers) {
    assert.deepEqual(sync, expected);
    assert.deepEqual(promises, expected);
  }
  assert.deepEqual(router.routeBatchSync(prompts), expected);
});

test('errors in a worker thread have their class and code', async () => {
  const [answer] = await inWorkers(1, `
    const router = routellm.Router.default();
    try { router.routeSync('x', { threshold: 2 }); } catch (error) {
      return { code: error.code, own: error instanceof routellm.RouteLLMError };
    }`);
  assert.deepEqual(answer, { code: 'ERR_ROUTELLM_INVALID_ARGUMENT', own: true });
});

test('a worker thread may end while its calls run', async () => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { Router } = require(workerData);
     const router = Router.default();
     for (let i = 0; i < 8; i += 1) router.routeBatch(Array(50).fill('word '.repeat(3000))).catch(() => {});
     parentPort.postMessage('running');`,
    { eval: true, workerData: PACKAGE },
  );
  await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();
  assert.equal(typeof Router.default().routeSync('still here').model, 'string');
});

test('worker threads share one ONNX Runtime', { skip: noEncoder }, async () => {
  const few = prompts.slice(0, 5);
  const expected = Router.open(MF_ARTIFACT).winRatesSync(few);
  const answers = await inWorkers(2, `
    const router = routellm.Router.open(${JSON.stringify(MF_ARTIFACT)});
    return { rates: await router.winRates(prompts), library: router.info().runtime.library };`, few);
  for (const { rates } of answers) assert.deepEqual(rates, expected);
  assert.equal(answers[0].library, answers[1].library);
});
