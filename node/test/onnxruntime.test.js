'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { Router } = require('..');
const { DEFAULT_ARTIFACT, MF_ARTIFACT, installAlone, noEncoder, runScript, temporary } = require('./helpers.js');

const nowhere = { ROUTELLM_ORT_PATH: '', ORT_DYLIB_PATH: '', LD_LIBRARY_PATH: '' };

test('nothing of ONNX Runtime is touched by what needs no encoder', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  const maps = runScript(`
    const { Router } = require('.');
    Router.default().routeSync('x');
    Router.open(${JSON.stringify(DEFAULT_ARTIFACT)}).routeSync('x');
    console.log(JSON.stringify(require('node:fs').readFileSync('/proc/self/maps', 'utf8')));`);
  assert.match(maps, /routellm\..*\.node/);
  assert.doesNotMatch(maps, /onnxruntime/);
});

test('the encoder routes prompts', { skip: noEncoder }, async () => {
  const router = Router.bundled('mf-minilm');
  const info = router.info();
  assert.equal(info.featurizer.kind, 'onnx');
  assert.match(info.runtime.library, /onnxruntime/);
  assert.equal(router.embeddingDimension, 384);
  const prompts = ['hi', 'Prove that the square root of 2 is irrational.', '你好'];
  const rates = router.winRatesSync(prompts);
  assert.deepEqual(await router.winRates(prompts), rates);
  assert.deepEqual(Float64Array.from(prompts, (prompt) => router.winRateSync(prompt)), rates);
  assert.deepEqual(router.routeBatchSync(prompts).map(({ winRate }) => winRate), [...rates]);
  assert.equal((await router.route(prompts[1])).winRate, rates[1]);
  const embedding = router.embedSync(prompts[1]);
  assert.ok(embedding instanceof Float32Array);
  assert.deepEqual(await router.embed(prompts[1]), embedding);
  assert.equal(router.winRatesFromEmbeddings(embedding)[0], rates[1]);
  assert.deepEqual(await router.candidateScores(prompts[1]), router.candidateScoresSync(prompts[1]));
  assert.deepEqual(router.candidateScoresFromEmbedding(embedding), router.candidateScoresSync(prompts[1]));
  const parallel = await Router.openAsync(MF_ARTIFACT, { sessions: 2, intraThreads: 1 });
  assert.deepEqual([parallel.info().runtime.sessions, parallel.info().runtime.intraThreads], [2, 1]);
  assert.equal((await parallel.winRates(prompts)).length, 3);
});

test('the library is found in onnxruntime-node, which is not loaded', { skip: noEncoder }, () => {
  const { library, loaded } = runScript(`
    const { Router } = require('.');
    const { runtime } = Router.bundled('mf-minilm').info();
    const loaded = Object.keys(require.cache).filter((path) => /onnxruntime-(node|common)/.test(path));
    console.log(JSON.stringify({ library: runtime.library, loaded }));`, { env: nowhere });
  assert.match(library, /onnxruntime-node\/bin\/napi-v\d+\/\w+\/\w+\/libonnxruntime/);
  assert.deepEqual(loaded, []);
});

test('onnxruntime-node itself works beside it, in either order', { skip: noEncoder }, () => {
  for (const order of [0, 1]) {
    const steps = ["require('onnxruntime-node');", "Router.bundled('mf-minilm');"];
    if (order) steps.reverse();
    const rate = runScript(`
      const { Router } = require('.');
      ${steps.join('\n')}
      console.log(JSON.stringify(Router.bundled('mf-minilm').winRateSync('hi')));`, { env: nowhere });
    assert.equal(typeof rate, 'number');
  }
});

test('without the library the error tells where it was looked for, and the rest works', { skip: noEncoder }, (t) => {
  const folder = temporary(t);
  installAlone(folder);
  const { error, decision } = runScript(`
    const { Router } = require('routellm');
    let error;
    try { Router.open(${JSON.stringify(MF_ARTIFACT)}); } catch (e) { error = { code: e.code, message: e.message }; }
    const decision = Router.default().routeSync('x');
    console.log(JSON.stringify({ error, decision }));`, { cwd: folder, env: nowhere });
  assert.equal(error.code, 'ERR_ROUTELLM_RUNTIME_UNAVAILABLE');
  for (const place of [/ROUTELLM_ORT_PATH: not set/, /ORT_DYLIB_PATH: not set/, /npm package onnxruntime-node: not installed/,
    /system library path/, /npm install onnxruntime-node/]) {
    assert.match(error.message, place);
  }
  assert.equal(decision.winRate, Router.default().winRateSync('x'));
});

test('a library that is named is the only one tried', { skip: noEncoder }, () => {
  const script = (open) => `
    const { Router } = require('.');
    try { ${open}; } catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message })); }`;
  const path = join('/', 'no', 'such', 'libonnxruntime.so');
  for (const [error, origin] of [
    [runScript(script(`Router.open(${JSON.stringify(MF_ARTIFACT)}, { onnxruntime: '${path}' })`)), 'the path given'],
    [runScript(script("Router.bundled('mf-minilm')"), { env: { ROUTELLM_ORT_PATH: path } }), 'ROUTELLM_ORT_PATH'],
  ]) {
    assert.equal(error.code, 'ERR_ROUTELLM_RUNTIME_UNAVAILABLE');
    assert.ok(error.message.includes(`${path} (${origin})`), error.message);
    assert.doesNotMatch(error.message, /system library path/);
  }
});

test('a bundled router that is not installed is NotFound, and says how to install it', (t) => {
  const folder = temporary(t);
  installAlone(folder);
  const error = runScript(`
    const { Router } = require('routellm');
    try { Router.bundled('mf-minilm'); } catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message })); }`,
  { cwd: folder });
  assert.equal(error.code, 'ERR_ROUTELLM_NOT_FOUND');
  assert.match(error.message, /npm install routellm-mf-minilm/);
});

test('a working folder that was removed is no obstacle', (t) => {
  const folder = temporary(t);
  const code = runScript(`
    const { Router } = require(${JSON.stringify(join(installAlone(folder), 'index.js'))});
    require('node:fs').mkdirSync('gone');
    process.chdir('gone');
    require('node:fs').rmdirSync('.' + '/../gone');
    let code;
    try { Router.bundled('mf-minilm'); } catch (e) { code = e.code; }
    console.log(JSON.stringify(code));`, { cwd: folder });
  assert.equal(code, 'ERR_ROUTELLM_NOT_FOUND');
});

test('the package on its own routes', (t) => {
  const folder = temporary(t);
  const installed = installAlone(folder);
  const answer = runScript(`
    const { Router, version } = require('routellm');
    console.log(JSON.stringify({ version, rate: Router.default().winRateSync('x') }));`, { cwd: folder });
  assert.equal(answer.version, JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')).version);
  assert.equal(answer.rate, Router.default().winRateSync('x'));
});
