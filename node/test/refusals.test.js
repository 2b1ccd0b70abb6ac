'use strict';

const assert = require('node:assert/strict');
const { cpSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { RouteLLMError, Router, promptFromMessages } = require('..');
const { DEFAULT_ARTIFACT, DIMENSION, temporary, writeCheckpoint } = require('./helpers.js');

const router = Router.default();

/** Checks that `call` is refused with this kind and a message that matches, thrown or by rejection. */
async function refused(kind, pattern, call) {
  const check = (error) => {
    assert.ok(error instanceof RouteLLMError, `${error}`);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, pattern);
    return true;
  };
  await assert.rejects(async () => call(), check);
}

/** Methods that return promises reject; they never throw at the caller. */
test('promises reject', () => {
  for (const call of [
    () => router.route(1),
    () => router.route('x', { treshold: 1 }),
    () => router.routeBatch(1),
    () => router.routeEmbedding(1),
    () => router.winRate(1),
    () => router.winRates(1),
    () => router.embed(1),
    () => router.candidateScores(1),
    () => router.similarity(1),
    () => router.explain(1, 1),
    () => router.explain('x'),
    () => router.explain('x', 1, null),
    () => router.embed('x', { signal: 1 }),
    () => router.similarity('x', { threshold: 1 }),
    () => router.candidateScores('x', 1),
    () => Router.openAsync(1),
    () => Router.bundledAsync('nothing'),
  ]) {
    const promise = call();
    assert.ok(promise instanceof Promise);
    promise.catch(() => {});
  }
});

test('a name with a typo is refused, and the known ones are named', async () => {
  await refused('InvalidArgument', /unknown option "treshold" of routeSync.*threshold, strongShare, costWeight.*onError/, () =>
    router.routeSync('x', { treshold: 0.5 }));
  await refused('InvalidArgument', /unknown option "strong_share" of route\(\).*signal/, () =>
    router.route('x', { strong_share: 0.5 }));
  await refused('InvalidArgument', /unknown option "signal" of routeBatchSync.*cannot be aborted/, () =>
    router.routeBatchSync(['x'], { signal: new AbortController().signal }));
  await refused('InvalidArgument', /unknown option "threshold" of winRate/, () => router.winRate('x', { threshold: 1 }));
  await refused('InvalidArgument', /unknown option "onError" of threshold/, () => router.threshold({ onError: 'weak' }));
  await refused('InvalidArgument', /unknown option "intra_threads" of Router.open.*intraThreads/, () =>
    Router.open(DEFAULT_ARTIFACT, { intra_threads: 1 }));
  await refused('InvalidArgument', /options of routeSync\(\) are 0.5, expected an object/, () => router.routeSync('x', 0.5));
  await refused('InvalidArgument', /options of route\(\) are null/, () => router.route('x', null));
});

test('a bad value of an option is refused', async () => {
  for (const threshold of [-0.1, 1.1, NaN, Infinity, '0.5', null, true, 1n]) {
    await refused('InvalidArgument', /threshold is .*expected a number in \[0, 1\]/, () => router.routeSync('x', { threshold }));
    await refused('InvalidArgument', /strongShare is .*expected a number/, () => router.route('x', { strongShare: threshold }));
    await refused('InvalidArgument', /threshold is/, () => router.threshold({ threshold }));
  }
  for (const onError of ['Strong', 'ignore', '', 1, null, 'toString']) {
    await refused('InvalidArgument', /onError is .*"raise", "strong", "weak" or /, () => router.routeSync('x', { onError }));
  }
  for (const signal of [null, 1, {}, new AbortController()]) {
    await refused('InvalidArgument', /signal is .*AbortSignal/, () => router.route('x', { signal }));
  }
  for (const sessions of [0, -1, 1.5, 257, NaN, '2', null]) {
    await refused('InvalidArgument', /sessions is .*1 to 256/, () => Router.open(DEFAULT_ARTIFACT, { sessions }));
    await refused('InvalidArgument', /intraThreads is .*1 to 256/, () =>
      Router.open(DEFAULT_ARTIFACT, { intraThreads: sessions }));
  }
  await refused('InvalidArgument', /mode is "fast", expected "exact" or "reference"/, () => Router.default({ mode: 'fast' }));
  await refused('InvalidArgument', /strong is 1, expected a string/, () => Router.default({ strong: 1 }));
  await refused('InvalidArgument', /n is -1/, () => router.winRatesFromEmbeddings(new Float32Array(), -1));
});

test('threshold and share together are refused', async () => {
  const both = { threshold: 0.5, strongShare: 0.5 };
  await refused('InvalidArgument', /both threshold and strongShare/, () => router.routeSync('x', both));
  await refused('InvalidArgument', /both threshold and strongShare/, () => router.route('x', both));
  await refused('InvalidArgument', /both threshold and strongShare/, () => router.threshold(both));
});

test('a share of a router without calibration is refused', async (t) => {
  const caller = Router.open(writeCheckpoint(temporary(t)));
  await refused('InvalidArgument', /no calibration/, () => caller.threshold({ strongShare: 0.5 }));
  await refused('InvalidArgument', /no calibration/, () => caller.routeEmbeddingSync(new Float32Array(DIMENSION)));
});

test('an unknown model is refused, and the known ones are named', async () => {
  await refused('InvalidArgument', /strong is "gpt-9", .*it knows: .*gpt-4-1106-preview/, () =>
    Router.default({ strong: 'gpt-9' }));
  await refused('InvalidArgument', /weak is "gpt-9"/, () => Router.default({ weak: 'gpt-9' }));
  await refused('InvalidArgument', /both/, () => Router.default({ strong: router.strong, weak: router.strong }));
});

test('an option that has no effect is refused', async () => {
  for (const options of [{ sessions: 2 }, { intraThreads: 1 }, { onnxruntime: '/no/such/library' }]) {
    await refused('InvalidArgument', /no effect/, () => Router.default(options));
    await refused('InvalidArgument', /no effect/, () => Router.openAsync(DEFAULT_ARTIFACT, options));
  }
});

test('a prompt of another type is refused', async () => {
  for (const prompt of [undefined, null, 1, true, new Uint16Array(2), Symbol.iterator, () => {}]) {
    await refused('InvalidArgument', /the prompt is .*expected a string/, () => router.routeSync(prompt));
    await refused('InvalidArgument', /the prompt is .*expected a string/, () => router.winRate(prompt));
    await refused('InvalidArgument', /prompt 1 is .*expected a string/, () => router.routeBatchSync(['x', prompt]));
  }
  await refused('InvalidArgument', /no message that counts has text/, () => router.routeSync({}));
  await refused('InvalidArgument', /prompts is "x", expected an array/, () => router.routeBatch('x'));
  // eslint-disable-next-line no-sparse-arrays
  await refused('InvalidArgument', /prompt 1 is undefined/, () => router.routeBatchSync(['x', , 'y']));
});

test('text that is not Unicode is refused, never repaired', async () => {
  for (const [prompt, place] of [['\ud800', 0], ['ok \udfff', 3], ['é\ud83d!', 2], ['🦀\udc00\ud800', 4]]) {
    const pattern = new RegExp(`not UTF-8 \\(byte ${place}\\)`);
    await refused('InvalidArgument', pattern, () => router.routeSync(prompt));
    await refused('InvalidArgument', pattern, () => router.route(prompt));
    await refused('InvalidArgument', pattern, () => router.winRateSync(prompt));
    await refused('InvalidArgument', pattern, () => router.candidateScoresSync(prompt));
    await refused('InvalidArgument', /prompt 1: /, () => router.routeBatchSync(['x', prompt]));
    await refused('InvalidArgument', /prompt 1: /, () => router.winRates(['x', prompt]));
  }
  await refused('InvalidArgument', /not UTF-8 \(byte 1\)/, () => router.routeSync(Uint8Array.of(0x61, 0xff)));
  await refused('InvalidArgument', /messages/, () => router.routeSync([{ role: 'user', content: 'x\ud800' }]));
  await refused('InvalidArgument', /strong is/, () => Router.default({ strong: '\ud800' }));
});

test('a chat without a prompt is refused', async () => {
  for (const messages of [
    [], [1], [{ content: 'x' }], [{ role: 'assistant', content: 'x' }], [{ role: 'user' }],
    [{ role: 'user', content: [{ type: 'image_url' }] }], [{ role: 'user', content: ' ' }],
  ]) {
    await refused('InvalidArgument', /^messages/, () => promptFromMessages(messages));
    await refused('InvalidArgument', /^messages/, () => router.route(messages));
    await refused('InvalidArgument', /^prompt 1: messages/, () => router.routeBatchSync(['x', messages]));
  }
  await refused('InvalidArgument', /messages is "x"/, () => promptFromMessages('x'));
});

test('an embedding given to a router on hashed features is refused', async () => {
  const pattern = /hashed features.*takes no embedding/;
  const embedding = new Float32Array(384);
  await refused('InvalidArgument', pattern, () => router.routeEmbeddingSync(embedding));
  await refused('InvalidArgument', pattern, () => router.routeEmbedding(embedding));
  await refused('InvalidArgument', pattern, () => router.winRatesFromEmbeddings(embedding));
  await refused('InvalidArgument', pattern, () => router.winRatesFromEmbeddings(embedding, 1));
  await refused('InvalidArgument', pattern, () => router.candidateScoresFromEmbedding(embedding));
  await refused('Unsupported', /sparse/, () => router.embedSync('x'));
  await refused('Unsupported', /sparse/, () => router.embed('x'));
});

test('an embedding that does not fit is refused', async (t) => {
  const caller = Router.open(writeCheckpoint(temporary(t)));
  const options = { threshold: 0.5 };
  for (const length of [0, DIMENSION - 1, DIMENSION + 1, 2 * DIMENSION]) {
    const pattern = new RegExp(`${length} dimensions.*expects ${DIMENSION}`);
    await refused('InvalidArgument', pattern, () => caller.routeEmbeddingSync(new Float32Array(length), options));
    await refused('InvalidArgument', pattern, () => caller.routeEmbedding(new Float32Array(length), options));
    await refused('InvalidArgument', pattern, () => caller.candidateScoresFromEmbedding(new Float32Array(length)));
  }
  for (const value of [NaN, Infinity, -Infinity]) {
    const embedding = new Float32Array(DIMENSION).fill(0.5);
    embedding[DIMENSION - 1] = value;
    const pattern = /element 23 is (NaN|-?inf)/;
    await refused('InvalidArgument', pattern, () => caller.routeEmbeddingSync(embedding, options));
    await refused('InvalidArgument', pattern, () => caller.routeEmbedding(embedding, options));
    await refused('InvalidArgument', pattern, () => caller.candidateScoresFromEmbedding(embedding));
    const rows = new Float32Array(3 * DIMENSION);
    rows.set(embedding, DIMENSION);
    await refused('InvalidArgument', /row 1/, () => caller.winRatesFromEmbeddings(rows));
  }
  await refused('InvalidArgument', /holds 25 numbers, expected rows of 24/, () =>
    caller.winRatesFromEmbeddings(new Float32Array(25)));
  await refused('InvalidArgument', /holds 48 numbers, expected 3 rows of 24/, () =>
    caller.winRatesFromEmbeddings(new Float32Array(48), 3));
  await refused('InvalidArgument', /expected 1 rows/, () => caller.winRatesFromEmbeddings(new Float32Array(), 1));
  for (const embedding of [new Float64Array(DIMENSION), Array(DIMENSION).fill(0), null, 'x']) {
    await refused('InvalidArgument', /expected a Float32Array/, () => caller.routeEmbeddingSync(embedding, options));
    await refused('InvalidArgument', /expected a Float32Array/, () => caller.winRatesFromEmbeddings(embedding));
  }
  await refused('Unsupported', /no featurizer of its own/, () => caller.routeSync('x', options));
});

test('a missing or altered file is refused', async (t) => {
  const folder = join(temporary(t), 'router');
  const fresh = () => {
    rmSync(folder, { recursive: true, force: true });
    cpSync(DEFAULT_ARTIFACT, folder, { recursive: true });
  };
  fresh();
  Router.open(folder);
  const weights = join(folder, 'weights.safetensors');
  const bytes = readFileSync(weights);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(weights, bytes);
  await refused('InvalidModel', /weights\.safetensors.*SHA-256 .*changed/, () => Router.open(folder));
  await refused('InvalidModel', /weights\.safetensors/, () => Router.openAsync(folder));
  writeFileSync(weights, bytes.subarray(0, 100));
  await refused('InvalidModel', /weights\.safetensors/, () => Router.open(folder));
  rmSync(weights);
  await refused('InvalidModel', /weights\.safetensors/, () => Router.open(folder));
  fresh();
  const manifest = join(folder, 'router.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"gpt-4-1106-preview"', '"gpt-5"'));
  await refused('InvalidModel', /router\.json/, () => Router.open(folder));
  writeFileSync(manifest, '{');
  await refused('InvalidModel', /router\.json/, () => Router.open(folder));
  rmSync(manifest);
  await refused('NotFound', /router\.json/, () => Router.open(folder));
  await refused('NotFound', /no such folder/, () => Router.open(join(folder, 'nothing')));
});

test('a path that is none is refused', async () => {
  for (const path of [undefined, null, 1, '', 'a\0b', '\ud800', {}]) {
    await refused('InvalidArgument', /path is .*expected a path/, () => Router.open(path));
  }
  await refused('InvalidArgument', /file: URL/, () => Router.open(new URL('data:,x')));
});

test('an unknown bundled router is refused, and the known ones are named', async () => {
  await refused('NotFound', /"nothing"; there are: default, mf-minilm/, () => Router.bundled('nothing'));
  await refused('NotFound', /"toString"/, () => Router.bundled('toString'));
  await refused('InvalidArgument', /name is 1/, () => Router.bundled(1));
});

test('nobody constructs a router', async () => {
  await refused('InvalidArgument', /Router\.default\(\)/, () => new Router());
});

test('onError decides for what cannot be scored, says why, and is counted', async (t) => {
  const caller = Router.open(writeCheckpoint(temporary(t)));
  assert.equal(caller.fallbacks, 0);
  const options = (onError) => ({ threshold: 0.5, onError });
  const strong = caller.routeSync('no text is read here', options('strong'));
  assert.deepEqual(
    { ...strong, fallbackReason: undefined },
    {
      model: caller.strong, side: 'strong', winRate: null, threshold: 0.5,
      truncated: false, similarity: null, outOfDistribution: false, noScore: false, propensity: 1, id: null,
      candidate: strong.candidate, quality: null, expectedCost: null,
      fallback: true, fallbackKind: 'Unsupported',
      fallbackReason: undefined,
    },
  );
  assert.match(strong.fallbackReason, /no featurizer of its own/);
  assert.equal(caller.fallbacks, 1);
  const weak = await caller.route('nor here', options('weak'));
  assert.deepEqual([weak.side, weak.model, weak.fallback], ['weak', caller.weak, true]);
  const short = await caller.routeEmbedding(new Float32Array(3), options('weak'));
  assert.match(short.fallbackReason, /3 dimensions/);
  assert.equal(caller.routeEmbeddingSync(new Float32Array(3), options('strong')).side, 'strong');
  assert.equal(caller.fallbacks, 4);
  // Wrong options throw all the same, and an error that is raised is not counted.
  await refused('InvalidArgument', /threshold/, () => caller.routeSync('x', { threshold: 2, onError: 'strong' }));
  await refused('Unsupported', /featurizer/, () => caller.routeSync('x', options('raise')));
  assert.equal(caller.fallbacks, 4);
});

test('in a batch only what cannot be scored falls back', async () => {
  const mine = Router.default();
  const prompts = ['fine', 'a lone \ud800', Uint8Array.of(0xff), 'fine too'];
  const decisions = mine.routeBatchSync(prompts, { onError: 'strong' });
  assert.deepEqual(decisions.map(({ fallback }) => fallback), [false, true, true, false]);
  assert.deepEqual(decisions.map(({ winRate }) => winRate === null), [false, true, true, false]);
  assert.match(decisions[1].fallbackReason, /not UTF-8 \(byte 7\)/);
  assert.deepEqual(decisions[0], mine.routeSync('fine'));
  assert.equal(mine.fallbacks, 2);
  assert.deepEqual(await mine.routeBatch(prompts, { onError: 'strong' }), decisions);
  assert.equal(mine.routeSync('\udc00', { onError: 'weak' }).side, 'weak');
  assert.equal(mine.fallbacks, 5);
});
