'use strict';

// Exported classifiers and causal LMs as routers.

const assert = require('node:assert/strict');
const { cpSync, readFileSync, symlinkSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { RouteLLMError, Router } = require('..');
const { DEFAULT_ARTIFACT, DIMENSION, MODELS, PACKAGE, noRuntime, runScript, temporary, writeCheckpoint } = require('./helpers.js');

const skip = { skip: noRuntime };
const PAIR = { strong: 'gpt-4', weak: 'mixtral' };
const PROMPTS = ['What is 2+2?', '', 'Prove that there are infinitely many primes.', 'naïve 日本 🙂', 'word '.repeat(300)];
// So many that no machine scores them within a fraction of a second.
const MANY = Array.from({ length: 4000 }, (_, i) => `${i}: prove that there are infinitely many primes`);
const DAY = 86_400_000;

/** Options of a model whose scores are digits, scored as the next token. */
const STORIES = {
  template: 'Rate the question from 1 to 5.\nQuestion: {question}\nScore:',
  scoreTokens: ['1', '2', '3', '4', '5'],
  maxNewTokens: 0,
  intraThreads: 1,
};

const open = (name, options) => Router.open(join(MODELS, name), { ...PAIR, ...options });
const classifier = noRuntime ? undefined : open('bert-tiny', { kind: 'bert', intraThreads: 1 });
const causal = noRuntime ? undefined : open('llama-tiny', { kind: 'causal_llm', intraThreads: 1 });
const rates = (router) => [...router.winRatesSync(PROMPTS)];

test('a head and windows have parameters, as an object or as JSON', skip, () => {
  for (const [name, object, text] of [
    ['distilbert-tiny', { head: { kind: 'binary', strongLabel: 0 } }, { head: '{"kind": "binary", "strong_label": 0}' }],
    [
      'roberta-tiny',
      { head: { kind: 'regression', link: 'sigmoid', scale: 2, offset: 0.5 } },
      { head: '{"kind": "regression", "link": "sigmoid", "scale": 2, "offset": 0.5}' },
    ],
    [
      'bert-tiny',
      { longPrompts: { kind: 'windows', overlap: 4, pooling: 'max', maxWindows: 2 } },
      { longPrompts: '{"kind": "windows", "overlap": 4, "pooling": "max", "max_windows": 2}' },
    ],
  ]) {
    const [first, second] = [open(name, object), open(name, text)];
    assert.deepEqual(rates(first), rates(second));
    assert.deepEqual(first.info().model, second.info().model);
    // What the router says of itself opens it again.
    const { head, longPrompts } = first.info().model.parameters;
    assert.deepEqual(rates(open(name, { head, longPrompts })), rates(first));
  }
  const [zero, one] = [open('distilbert-tiny', { head: { kind: 'binary', strong_label: 0 } }), open('distilbert-tiny', { head: 'binary' })];
  assert.ok(Math.abs(zero.winRateSync('hi') + one.winRateSync('hi') - 1) < 1e-12);
});

test('a template can be the chat template', skip, (t) => {
  const folder = join(temporary(t), 'model');
  cpSync(join(MODELS, 'stories260k-ts'), folder, { recursive: true });
  writeFileSync(join(folder, 'chat_template.jinja'),
    '{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}');
  const at = (template) => Router.open(folder, { ...PAIR, ...STORIES, template });
  const chat = at('chat');
  assert.deepEqual(rates(at({ kind: 'chat', user: '{question}', addGenerationPrompt: false })), rates(chat));
  const plain = rates(at('<user>{prompt}'));
  for (const [i, rate] of rates(chat).slice(0, 3).entries()) assert.ok(Math.abs(rate - plain[i]) < 1e-6, PROMPTS[i]);
  assert.deepEqual(rates(at({ kind: 'plain', text: '<user>{prompt}' })), plain);
  assert.notDeepEqual(rates(at({ kind: 'chat', system: 'Be brief.' })), rates(chat));
});

test('score tokens are texts or ids', skip, () => {
  const { vocab } = JSON.parse(readFileSync(join(MODELS, 'stories260k-ts', 'tokenizer.json'), 'utf8')).model;
  const expected = rates(open('stories260k-ts', STORIES));
  const ids = STORIES.scoreTokens.map((digit) => vocab[digit]);
  for (const scoreTokens of [ids, ['1', '2', ...ids.slice(2)]]) {
    assert.deepEqual(rates(open('stories260k-ts', { ...STORIES, scoreTokens })), expected);
  }
});

test('candidates have scores', skip, () => {
  const router = open('modernbert-tiny', { head: 'candidates', strong: 'claude', weak: 'llama' });
  assert.deepEqual(router.models, ['gpt-4', 'claude', 'mixtral', 'llama']);
  const scores = router.candidateScoresSync('hi');
  assert.ok(Math.abs(router.winRateSync('hi') - 1 / (1 + Math.exp(scores[3] - scores[1]))) < 1e-12);
});

test('wrong options are refused', skip, async () => {
  for (const [name, options, pattern] of [
    ['bert-tiny', { provider: 'tpu' }, /provider is "tpu", expected "cpu", "cuda" or "auto"/],
    ['bert-tiny', { preset: 'fast' }, /preset is "fast", expected "latency" or "throughput"/],
    ['bert-tiny', { preset: 'throughput', sessions: 2 }, /preset sets sessions/],
    ['bert-tiny', { deviceId: 0 }, /deviceId has no effect/],
    ['bert-tiny', { tf32: true }, /tf32 has no effect/],
    ['bert-tiny', { tf32: false, provider: 'cpu' }, /tf32 has no effect/],
    ['bert-tiny', { tf32: 1, provider: 'auto' }, /tf32 is 1, expected true or false/],
    ['bert-tiny', { deviceId: -1, provider: 'auto' }, /deviceId is -1, expected a whole number/],
    ['bert-tiny', { memoryLimit: 0, provider: 'auto' }, /memoryLimit is 0/],
    ['bert-tiny', { memoryLimit: '1 GB', provider: 'auto' }, /memoryLimit is "1 GB"/],
    ['bert-tiny', { strong: undefined }, /strong and weak are needed/],
    ['bert-tiny', { weak: undefined }, /strong and weak are needed/],
    ['bert-tiny', { kind: 'gpt' }, /kind is "gpt"/],
    ['bert-tiny', { kind: 1 }, /kind is 1, expected a string/],
    ['bert-tiny', { head: 'four_labels' }, /head is/],
    ['bert-tiny', { head: 3 }, /head is 3, expected a string or an object/],
    ['bert-tiny', { head: [] }, /head is/],
    ['bert-tiny', { head: null }, /head is null/],
    ['bert-tiny', { head: { kind: 'binary', strongLabel: 2 } }, /strongLabel is 2/],
    ['bert-tiny', { head: { kind: 'binary', strongLabel: 1, strong_label: 0 } }, /head has strongLabel twice/],
    ['bert-tiny', { head: { kind: 'three_labels', link: 'sigmoid' } }, /unknown field/],
    ['bert-tiny', { head: { kind: 'regression', scale: NaN } }, /head.scale is NaN/],
    ['bert-tiny', { head: { kind: 'regression', scale: 1n } }, /head.scale is a bigint, expected/],
    ['bert-tiny', { longPrompts: 'split' }, /longPrompts is/],
    ['bert-tiny', { longPrompts: { kind: 'windows', maxWindows: 0 } }, /maxWindows is 0/],
    ['bert-tiny', { maxTokens: -1 }, /maxTokens is -1/],
    ['bert-tiny', { template: '{question}' }, /template has no effect/],
    ['bert-tiny', { outOfDistribution: 'weak' }, /this router \(bert\) has no votes/],
    ['llama-tiny', { head: 'binary' }, /head has no effect/],
    ['llama-tiny', { template: 'no question' }, /template/],
    ['llama-tiny', { template: '\ud800{question}' }, /template is/],
    ['llama-tiny', { scoreTokens: '12345' }, /scoreTokens is "12345", expected a list/],
    ['llama-tiny', { scoreTokens: ['1', null] }, /scoreTokens\[1\] is null/],
    ['llama-tiny', { scoreTokens: ['1', -4] }, /scoreTokens\[1\] is -4/],
    ['llama-tiny', { scoreTokens: ['1', 1.5] }, /scoreTokens\[1\] is 1.5/],
    ['llama-tiny', { scoreTokens: ['[[1]]'] }, /scoreTokens has 1 entries/],
    ['llama-tiny', { scoreThreshold: 6 }, /scoreThreshold is 6, expected 2 to 5/],
    ['llama-tiny', { scoreThreshold: -1 }, /scoreThreshold is -1/],
    ['llama-tiny', { maxNewTokens: 1000 }, /maxNewTokens is 1000/],
    ['llama-tiny', { temperature: 1 }, /unknown option "temperature" of Router.open/],
    ['stories260k-ts', {}, /template is needed/],
  ]) {
    const check = (error) => {
      assert.ok(error instanceof RouteLLMError, `${error}`);
      assert.equal(error.kind, 'InvalidArgument', error.message);
      assert.match(error.message, pattern);
      return true;
    };
    assert.throws(() => open(name, options), check);
    await assert.rejects(Router.openAsync(join(MODELS, name), { ...PAIR, ...options }), check);
  }
  assert.throws(() => open('stories260k-ts', { ...STORIES, scoreTokens: ['1', '[[2]]'], scoreThreshold: 2 }),
    { kind: 'InvalidModel', message: /\[\[2\]\]/ });
});

test('options of exports belong to exports', () => {
  assert.throws(() => Router.open(DEFAULT_ARTIFACT, { head: 'binary' }), /belong to the artifact/);
  assert.throws(() => Router.default({ maxTokens: 5 }), /belong to the artifact/);
  assert.throws(() => Router.open(DEFAULT_ARTIFACT, { kind: 'bert' }), /kind is "bert", and this artifact's is "linear"/);
  assert.throws(() => Router.open(DEFAULT_ARTIFACT, { provider: 'auto' }), /provider has no effect/);
  assert.equal(Router.open(DEFAULT_ARTIFACT, { kind: 'linear' }).info().kind, 'linear');
});

const gpu = process.env.ROUTELLM_TEST_CUDA === '1' && 'there is a GPU: ROUTELLM_TEST_CUDA=1';

test('a GPU that is not there is an error, or a fallback', { skip: noRuntime || gpu }, () => {
  assert.throws(() => open('bert-tiny', { provider: 'cuda' }), {
    kind: 'RuntimeUnavailable', code: 'ERR_ROUTELLM_RUNTIME_UNAVAILABLE', message: /the provider "cuda" was asked for/,
  });
  const router = open('bert-tiny', { provider: 'auto', deviceId: 0, memoryLimit: 2 ** 33, tf32: true, intraThreads: 1 });
  assert.equal(router.info().runtime.provider, 'cpu');
  assert.deepEqual(rates(router), rates(classifier));
});

test('a router tells what runs', skip, () => {
  const { kind, featurizer, runtime, model } = classifier.info();
  assert.deepEqual([kind, featurizer.kind, runtime.provider], ['bert', 'none', 'cpu']);
  assert.match(runtime.version, /^\d+\.\d+/);
  assert.deepEqual(model.parameters.head, { kind: 'three_labels' });
  assert.deepEqual([model.maxTokens, model.dynamicallyQuantized, model.cachedTokens], [128, false, null]);
  const quantized = open('bert-tiny-int8', { preset: 'throughput' }).info();
  assert.deepEqual([quantized.model.dynamicallyQuantized, quantized.runtime.intraThreads], [true, 1]);
  const judge = causal.info().model;
  assert.deepEqual(judge.parameters.scoreTokens, ['[[1]]', '[[2]]', '[[3]]', '[[4]]', '[[5]]']);
  assert.ok(judge.cachedTokens > 0);
  assert.equal(Router.default().info().model, null);
});

test('batches and promises give the bits of single calls', skip, async () => {
  for (const [name, router] of [['bert-tiny', classifier], ['llama-tiny', causal]]) {
    const threshold = 0.5;
    const decisions = PROMPTS.map((prompt) => router.routeSync(prompt, { threshold }));
    assert.deepEqual(router.routeBatchSync(PROMPTS, { threshold }), decisions);
    assert.deepEqual(await router.routeBatch(PROMPTS, { threshold }), decisions);
    assert.deepEqual(await Promise.all(PROMPTS.map((prompt) => router.route(prompt, { threshold }))), decisions);
    const many = await open(name, { preset: 'throughput' }).routeBatch([...PROMPTS, ...PROMPTS], { threshold });
    assert.deepEqual(many, [...decisions, ...decisions]);
  }
});

test('a prompt without a score says so', skip, () => {
  const decisions = open('llama-tiny', { maxNewTokens: 1 }).routeBatchSync(PROMPTS, { threshold: 0.5 });
  const unscored = decisions.filter(({ noScore }) => noScore);
  assert.ok(unscored.length > 0);
  for (const { winRate, side } of unscored) assert.deepEqual([winRate, side], [1, 'strong']);
});

test('a prompt beyond the cap is cut before it is copied', skip, async () => {
  const { maxBytes } = classifier.info().featurizer;
  const long = 'word '.repeat(maxBytes);
  const decision = classifier.routeSync(long, { threshold: 0.5 });
  assert.equal(decision.truncated, true);
  assert.deepEqual(classifier.routeSync(Buffer.from(long), { threshold: 0.5 }), decision);
  assert.throws(() => classifier.routeEmbeddingSync(new Float32Array(8), { threshold: 0.5 }), { kind: 'InvalidArgument' });
});

test('aborting stops a running batch of a causal LM', skip, async () => {
  const controller = new AbortController();
  const promise = causal.routeBatch(MANY, { threshold: 0.5, signal: controller.signal });
  setTimeout(() => controller.abort('enough'), 20);
  await assert.rejects(promise, { name: 'AbortError', kind: 'Cancelled', cause: 'enough' });
});

test('a generous timeout changes nothing', skip, async (t) => {
  const threshold = 0.5;
  for (const router of [classifier, causal, Router.default()]) {
    const expected = router.routeSync(PROMPTS[0], { threshold });
    for (const timeoutMs of [DAY, 1e300, Infinity]) {
      assert.deepEqual(router.routeSync(PROMPTS[0], { threshold, timeoutMs }), expected);
      assert.deepEqual(await router.route(PROMPTS[0], { threshold, timeoutMs }), expected);
      assert.deepEqual(router.routeBatchSync([PROMPTS[0]], { threshold, timeoutMs }), [expected]);
      assert.deepEqual(await router.routeBatch([PROMPTS[0]], { threshold, timeoutMs }), [expected]);
    }
  }
  const caller = Router.open(writeCheckpoint(temporary(t)));
  const embedding = new Float32Array(DIMENSION).fill(1);
  const expected = caller.routeEmbeddingSync(embedding, { threshold });
  assert.deepEqual(caller.routeEmbeddingSync(embedding, { threshold, timeoutMs: DAY }), expected);
  assert.deepEqual(await caller.routeEmbedding(embedding, { threshold, timeoutMs: DAY }), expected);
});

const exhausted = { kind: 'ResourceExhausted', code: 'ERR_ROUTELLM_RESOURCE_EXHAUSTED', message: /timeout/ };

test('a timeout stops a batch, or decides', skip, async () => {
  for (const timeoutMs of [1e-9, 20]) {
    await assert.rejects(causal.routeBatch(MANY, { threshold: 0.5, timeoutMs }), exhausted);
    assert.throws(() => causal.routeBatchSync(MANY, { threshold: 0.5, timeoutMs }), exhausted);
  }
  const before = causal.fallbacks;
  const decisions = await causal.routeBatch(MANY, { threshold: 0.5, timeoutMs: 20, onError: 'weak' });
  const late = decisions.filter(({ fallback }) => fallback);
  assert.ok(late.length > 0);
  for (const { model, winRate, fallbackReason } of late) {
    assert.deepEqual([model, winRate], ['mixtral', null]);
    assert.match(fallbackReason, /timeout/);
  }
  assert.equal(causal.fallbacks, before + late.length);
});

test('a timeout holds for every call', async (t) => {
  const router = Router.default();
  const caller = Router.open(writeCheckpoint(temporary(t)));
  const embedding = new Float32Array(DIMENSION).fill(1);
  const call = { threshold: 0.5, timeoutMs: 1e-9 };
  assert.throws(() => router.routeSync('hi', call), exhausted);
  assert.throws(() => router.routeBatchSync(['hi'], call), exhausted);
  assert.throws(() => caller.routeEmbeddingSync(embedding, call), exhausted);
  await assert.rejects(router.route('hi', call), exhausted);
  await assert.rejects(router.routeBatch(['hi'], call), exhausted);
  await assert.rejects(caller.routeEmbedding(embedding, call), exhausted);
  assert.equal(router.routeSync('hi', { ...call, onError: 'strong' }).fallback, true);
  for (const timeoutMs of [0, -1, NaN, -Infinity, '5', null]) {
    const wrong = { kind: 'InvalidArgument', message: /timeoutMs is .*, expected a positive number/ };
    assert.throws(() => router.routeSync('hi', { timeoutMs, onError: 'strong' }), wrong);
    assert.throws(() => router.routeBatchSync(['hi'], { timeoutMs }), wrong);
    assert.throws(() => caller.routeEmbeddingSync(embedding, { timeoutMs }), wrong);
    await assert.rejects(router.route('hi', { timeoutMs }), wrong);
    await assert.rejects(router.routeBatch(['hi'], { timeoutMs }), wrong);
    await assert.rejects(caller.routeEmbedding(embedding, { timeoutMs }), wrong);
  }
  assert.throws(() => router.threshold({ timeoutMs: 5 }), /unknown option "timeoutMs" of threshold/);
});

test('the example of the README runs as typed', skip, (t) => {
  const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
  const [, section] = readme.split('## Classifiers and language models');
  const [, example] = section.match(/```js\n([^]*?)```/);
  const folder = temporary(t);
  symlinkSync(join(MODELS, 'bert-tiny'), join(folder, 'classifier-onnx'));
  symlinkSync(join(MODELS, 'stories260k-ts'), join(folder, 'llm-onnx'));
  const script = `
    const { Router } = require(${JSON.stringify(PACKAGE)});
    const printed = [];
    console.log = (...values) => printed.push(values);
    (async () => { ${example} })().then(() => process.stdout.write(JSON.stringify(printed)));`;
  const [[model, winRate, truncated], [judged]] = runScript(script, { cwd: folder });
  assert.ok(['gpt-4', 'mixtral'].includes(model) && winRate >= 0 && winRate <= 1 && truncated === false);
  assert.equal(judged.length, 2);
  assert.ok(judged.every(({ noScore, fallback }) => noScore === false && fallback === false));
});
