'use strict';

// Similarity-weighted ranking. The numbers are those of every language: tests/conformance/sw_ranking.json.

const assert = require('node:assert/strict');
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { RouteLLMError, Router } = require('..');
const { DEFAULT_ARTIFACT, ROOT, bits, numbers } = require('./helpers.js');

const FILE = join(ROOT, 'tests', 'conformance', 'sw_ranking.json');
const skip = !existsSync(FILE) && 'tests/conformance/sw_ranking.json is not in this checkout';
const suite = skip ? { routers: {}, cases: [], open_errors: [] } : JSON.parse(readFileSync(FILE, 'utf8'));

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const OPTIONS = ['strong', 'weak', 'mode', 'out_of_distribution', 'min_similarity', 'open_clusters', 'error_target'];

function optionsOf(options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => {
    assert.ok(OPTIONS.includes(name), name);
    return [camel(name), value];
  }));
}

const opened = new Map();

function routerOf(name) {
  if (!opened.has(name)) {
    const { artifact, options } = suite.routers[name];
    opened.set(name, Router.open(join(ROOT, artifact), optionsOf(options)));
  }
  return opened.get(name);
}

/** Every key as the core's JSON has it, spelled out so that the test does not share the code under test. */
function explanationOf(expected) {
  return {
    winRate: expected.win_rate,
    winRateError: expected.win_rate_error,
    similarity: expected.similarity,
    outOfDistribution: expected.out_of_distribution,
    ratings: expected.ratings.map(({ model, tier, rating, standard_error: standardError }) =>
      ({ model, tier, rating, standardError })),
    votes: expected.votes.map(({ row, id, text, similarity, weight, model_a: modelA, model_b: modelB, winner }) =>
      ({ row, id, text, similarity, weight, modelA, modelB, winner })),
    reach: expected.reach && {
      openedClusters: expected.reach.opened_clusters,
      openedVotes: expected.reach.opened_votes,
      error: expected.reach.error,
    },
  };
}

/** Every way to ask for what a case is about. */
function waysOf({ router: name, text, values, threshold, k }) {
  const router = routerOf(name);
  const options = { threshold };
  if (text !== undefined) {
    return {
      decisions: [
        () => router.routeSync(text, options),
        () => router.route(text, options),
        () => router.routeBatchSync([text, text], options)[1],
        async () => (await router.routeBatch([text, text], options))[1],
      ],
      winRates: [
        () => router.winRateSync(text),
        () => router.winRate(text),
        () => router.winRatesSync([text, text])[1],
        async () => (await router.winRates([text, text]))[1],
      ],
      similarities: [() => router.similaritySync(text), () => router.similarity(text)],
      explanations: [() => router.explainSync(text, k), () => router.explain(text, k)],
    };
  }
  const embedding = Float32Array.from(values);
  const twice = Float32Array.from([...values, ...values]);
  return {
    decisions: [
      () => router.routeEmbeddingSync(embedding, options),
      () => router.routeEmbedding(embedding, options),
    ],
    // Two rows are two embeddings whatever their length: what one that does not fit comes to is asked above.
    winRates: [() => router.winRatesFromEmbeddings(embedding)[0], () => router.winRatesFromEmbeddings(twice, 2)[1]],
    similarities: [() => router.similarityFromEmbedding(embedding)],
    explanations: [() => router.explainEmbedding(embedding, k)],
  };
}

test('the file has cases of every sort', { skip }, () => {
  assert.equal(suite.format, 1);
  const { cases } = suite;
  assert.ok(cases.length >= 50 && suite.open_errors.length >= 8);
  for (const name of Object.keys(suite.routers)) assert.ok(cases.some(({ router }) => router === name), name);
  const some = (has) => assert.ok(cases.some(({ expect }) => expect.error === undefined && has(expect)), String(has));
  some(({ explanation }) => explanation.reach !== null);
  some(({ explanation }) => explanation.votes.some(({ text }) => text !== null));
  some(({ explanation }) => explanation.votes.some(({ id }) => id !== null));
  assert.ok(cases.some(({ expect }) => expect.error !== undefined));
});

test('every case agrees in every way of asking, to the bit', { skip }, async () => {
  for (const entry of suite.cases.filter(({ expect }) => expect.error === undefined)) {
    const { expect, id, threshold } = entry;
    const router = routerOf(entry.router);
    const ways = waysOf(entry);
    for (const ask of ways.decisions) {
      const decision = await ask();
      assert.equal(bits(decision.winRate), expect.win_rate_bits, `${id}: ${decision.winRate}, expected ${expect.win_rate}`);
      assert.equal(bits(decision.similarity), expect.similarity_bits, `${id}: ${decision.similarity}`);
      assert.deepEqual({ ...decision, winRate: 0, similarity: 0 }, {
        model: router[expect.side], side: expect.side, winRate: 0, threshold, truncated: false, similarity: 0,
        outOfDistribution: expect.out_of_distribution, noScore: false, propensity: 1, id: null, candidate: decision.candidate,
        quality: null, expectedCost: null, fallback: false, fallbackKind: null,
        fallbackReason: null,
      }, id);
    }
    for (const ask of ways.winRates) assert.equal(bits(await ask()), expect.win_rate_bits, `${id}: ${ask}`);
    for (const ask of ways.similarities) {
      // A clustered store reads a part of the votes for a decision, and all of them here.
      assert.equal(await ask(), expect.explanation.similarity, `${id}: ${ask}`);
    }
    const explanation = explanationOf(expect.explanation);
    for (const ask of ways.explanations) assert.deepStrictEqual(await ask(), explanation, id);
  }
});

test('what cannot be scored is refused in every way of asking', { skip }, async () => {
  for (const entry of suite.cases.filter(({ expect }) => expect.error !== undefined)) {
    const { decisions, similarities, explanations, winRates } = waysOf(entry);
    for (const ask of [...decisions, ...winRates, ...similarities, ...explanations]) {
      await assert.rejects(async () => ask(), (error) => {
        assert.ok(error instanceof RouteLLMError);
        assert.equal(error.kind, entry.expect.error, `${entry.id}: ${error.message}`);
        return true;
      }, `${entry.id}: ${ask}`);
    }
  }
});

test('options that do not fit are refused at opening', { skip }, async () => {
  for (const { artifact, options, error: kind } of suite.open_errors) {
    const path = join(ROOT, artifact);
    assert.throws(() => Router.open(path, optionsOf(options)), { name: 'RouteLLMError', kind }, JSON.stringify(options));
    await assert.rejects(Router.openAsync(path, optionsOf(options)), { name: 'RouteLLMError', kind });
  }
});

const caller = () => join(ROOT, 'tests', 'conformance', 'sw-caller');
const clustered = () => join(ROOT, 'tests', 'conformance', 'sw-clustered');

test('info tells of the votes', { skip }, () => {
  const manifest = (folder) => JSON.parse(readFileSync(join(folder, 'router.json'), 'utf8'));
  for (const folder of [caller(), clustered()]) {
    const router = Router.open(folder);
    const info = router.info();
    assert.equal(info.kind, 'sw_ranking');
    assert.deepEqual(Object.keys(info.votes), ['count', 'store', 'clusters', 'tiers', 'weightExponent']);
    assert.ok(info.votes.count >= 50 && info.votes.tiers >= 2 && info.votes.weightExponent > 0);
    assert.ok(['f32', 'f16', 'int8', 'int4', 'int2'].includes(info.votes.store));
    assert.equal(info.votes.clusters !== null, folder === clustered());
    assert.deepEqual(info.models, manifest(folder).models.names);
    assert.equal(info.name, manifest(folder).name);
    // Every vote is there to be explained, and none twice.
    const all = router.explainEmbedding(numbers(router.embeddingDimension, 3), 1e6).votes;
    assert.ok(all.length <= info.votes.count && all.length > info.votes.count / 2);
    assert.equal(new Set(all.map(({ row }) => row)).size, all.length);
    for (let i = 1; i < all.length; i += 1) assert.ok(all[i].weight <= all[i - 1].weight);
  }
  assert.equal(Router.default().info().votes, null);
});

test('a prompt that is far away is decided as it was said', { skip }, async () => {
  const embedding = numbers(Router.open(caller()).embeddingDimension, 5);
  const plain = Router.open(caller()).routeEmbeddingSync(embedding, { threshold: 0.5 });
  assert.equal(plain.outOfDistribution, false);
  const far = { minSimilarity: 1 };
  for (const outOfDistribution of ['strong', 'weak']) {
    const router = Router.open(caller(), { ...far, outOfDistribution });
    for (const threshold of [0, 1]) {
      const decision = router.routeEmbeddingSync(embedding, { threshold });
      const { model, side, winRate, similarity } = decision;
      assert.deepEqual([model, side], [router[outOfDistribution], outOfDistribution]);
      assert.deepEqual([winRate, similarity], [plain.winRate, plain.similarity]);
      assert.equal(decision.outOfDistribution, true);
      assert.deepEqual(await router.routeEmbedding(embedding, { threshold }), decision);
    }
    // Just at the limit, the win rate decides.
    const near = Router.open(caller(), { outOfDistribution, minSimilarity: plain.similarity });
    assert.deepEqual(near.routeEmbeddingSync(embedding, { threshold: 0.5 }), plain);
  }
  for (const options of [far, { ...far, outOfDistribution: 'ignore' }]) {
    const router = Router.open(caller(), options);
    assert.equal(router.routeEmbeddingSync(embedding, { threshold: 0 }).side, 'strong');
    const weak = router.routeEmbeddingSync(embedding, { threshold: 1 });
    assert.deepEqual([weak.side, weak.outOfDistribution], ['weak', true]);
  }
  // A fallback knows no similarity, and is its own reason.
  const router = Router.open(caller(), { ...far, outOfDistribution: 'weak' });
  const fallback = router.routeEmbeddingSync(new Float32Array(3), { threshold: 0.5, onError: 'strong' });
  const { side, similarity, outOfDistribution } = fallback;
  assert.deepEqual([side, similarity, outOfDistribution, fallback.fallback], ['strong', null, false, true]);
});

test('how far a clustered store is read is an option', { skip }, () => {
  const { clusters } = Router.open(clustered()).info().votes;
  const reach = (options) => {
    const router = Router.open(clustered(), options);
    return router.explainEmbedding(numbers(router.embeddingDimension, 7), 0).reach;
  };
  for (const openClusters of [1, 2, clusters]) {
    assert.equal(reach({ openClusters }).openedClusters, openClusters);
  }
  assert.deepEqual(reach({ openClusters: 'all' }), reach({ openClusters: Number.MAX_SAFE_INTEGER }));
  assert.equal(reach({ openClusters: 'all' }).error, 0);
  assert.ok(reach({ errorTarget: 1e-9 }).openedVotes > reach({ openClusters: 1 }).openedVotes);
  assert.ok(reach({ errorTarget: 1 }).openedVotes <= reach({ errorTarget: 1e-9 }).openedVotes);
});

test('bad values of the options are refused', { skip }, () => {
  const refused = (options, message) =>
    assert.throws(() => Router.open(clustered(), options), { kind: 'InvalidArgument', message }, JSON.stringify(options));
  for (const outOfDistribution of ['Strong', 'raise', '', 1, null, true]) {
    refused({ outOfDistribution }, /^outOfDistribution is .*"ignore", "strong" or "weak"/);
  }
  for (const minSimilarity of [-1.01, 1.01, NaN, Infinity, '0.5', null]) {
    refused({ minSimilarity }, /^minSimilarity is .*\[-1, 1\]/);
  }
  for (const openClusters of [0, -1, 1.5, NaN, Infinity, 2 ** 53, 'every', '2', null]) {
    refused({ openClusters }, /^openClusters is .*whole number from 1 on, or "all"/);
  }
  for (const errorTarget of [0, -0.1, 1.01, NaN, '0.1', null]) refused({ errorTarget }, /^errorTarget is .*\(0, 1\]/);
  for (const mmap of ['sometimes', true, null]) refused({ mmap }, /^mmap is .*"auto", "always" or "never"/);
  refused({ openClusters: 2, errorTarget: 0.1 }, /both openClusters and errorTarget/);
  refused({ out_of_distribution: 'weak' }, /unknown option "out_of_distribution".*outOfDistribution/);
  // What is undefined is not given, and the ends of the ranges are in them.
  const nothing = { outOfDistribution: undefined, minSimilarity: undefined, openClusters: undefined, errorTarget: undefined };
  assert.deepEqual(Router.open(clustered(), nothing).info(), Router.open(clustered()).info());
  for (const options of [{ minSimilarity: -1 }, { minSimilarity: 1 }, { openClusters: 1 }, { errorTarget: 1 }]) {
    Router.open(clustered(), options);
  }
  assert.throws(() => Router.open(caller(), { openClusters: 'all' }), { kind: 'InvalidArgument', message: /no clusters/ });
  assert.throws(() => Router.open(caller(), { errorTarget: 0.1 }), { kind: 'InvalidArgument', message: /no clusters/ });
});

test('the number of votes is checked', { skip }, async () => {
  const router = Router.open(join(ROOT, 'tests', 'conformance', 'sw-hashed'));
  for (const k of [undefined, -1, 1.5, NaN, Infinity, '3', null, 2 ** 32]) {
    const expected = { kind: 'InvalidArgument', message: /^k is .*expected a whole number of votes/ };
    assert.throws(() => router.explainSync('x', k), expected);
    await assert.rejects(router.explain('x', k), expected);
    assert.throws(() => router.explainEmbedding(new Float32Array(8), k), expected);
  }
  for (const k of [0, 1, 5]) assert.equal(router.explainSync('x', k).votes.length, k);
  const chat = [{ role: 'user', content: 'x' }];
  assert.deepEqual(await router.explain(chat, 2), router.explainSync('x', 2));
  assert.equal(await router.similarity(chat), router.similaritySync('x'));
  for (const prompt of [1, '\ud800']) {
    await assert.rejects(router.explain(prompt, 2), { kind: 'InvalidArgument' });
    await assert.rejects(router.similarity(prompt), { kind: 'InvalidArgument' });
  }
  assert.throws(() => router.explainEmbedding(new Float64Array(8), 1), { message: /expected a Float32Array/ });
  assert.throws(() => router.similarityFromEmbedding([1]), { message: /expected a Float32Array/ });
});

test('a router without votes says so', async () => {
  const router = Router.default();
  const expected = { name: 'RouteLLMError', kind: 'Unsupported', message: /votes/ };
  assert.throws(() => router.similaritySync('x'), expected);
  await assert.rejects(router.similarity('x'), expected);
  assert.throws(() => router.explainSync('x', 1), expected);
  await assert.rejects(router.explain('x', 1), expected);
  assert.throws(() => router.explainEmbedding(new Float32Array(3), 1), expected);
  assert.throws(() => router.similarityFromEmbedding(new Float32Array(3)), expected);
  const { similarity, outOfDistribution } = router.routeSync('x');
  assert.deepEqual([similarity, outOfDistribution], [null, false]);
  for (const options of [
    { outOfDistribution: 'weak' }, { minSimilarity: 0.5 }, { openClusters: 2 }, { openClusters: 'all' }, { errorTarget: 0.1 },
    { mmap: 'auto' }, { mmap: 'never' },
  ]) {
    const noEffect = { kind: 'InvalidArgument', message: /no effect.*no votes/ };
    assert.throws(() => Router.default(options), noEffect);
    await assert.rejects(Router.openAsync(DEFAULT_ARTIFACT, options), noEffect);
  }
});
