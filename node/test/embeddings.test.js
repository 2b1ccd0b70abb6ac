'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Router } = require('..');
const { DIMENSION, numbers, temporary, writeCheckpoint } = require('./helpers.js');

/** The win rate by the definition, in plain double precision. */
function reference(embedding) {
  const dim = 8;
  const [p, w, c] = [numbers(64 * dim, 1), numbers(dim * DIMENSION, 2), numbers(dim, 3)];
  const unit = (row) => {
    const values = p.subarray(row * dim, (row + 1) * dim);
    const norm = Math.hypot(...values);
    return Array.from(values, (value) => value / norm);
  };
  const [strong, weak] = [unit(24), unit(36)];
  let logit = 0;
  for (let i = 0; i < dim; i += 1) {
    let projected = 0;
    for (let j = 0; j < DIMENSION; j += 1) projected += w[i * DIMENSION + j] * embedding[j];
    logit += c[i] * (strong[i] - weak[i]) * projected;
  }
  return 1 / (1 + Math.exp(-logit));
}

test('a checkpoint in the published layout scores embeddings', async (t) => {
  const router = Router.open(writeCheckpoint(temporary(t)));
  assert.deepEqual([router.strong, router.weak], ['gpt-4-1106-preview', 'mixtral-8x7b-instruct-v0.1']);
  assert.equal(router.models.length, 64);
  assert.equal(router.embeddingDimension, DIMENSION);
  assert.equal(router.info().featurizer.kind, 'caller');

  const n = 50;
  const all = numbers(n * DIMENSION, 7);
  const rates = router.winRatesFromEmbeddings(all);
  assert.ok(rates instanceof Float64Array);
  assert.equal(rates.length, n);
  assert.deepEqual(router.winRatesFromEmbeddings(all, n), rates);
  for (let i = 0; i < n; i += 1) {
    const embedding = all.subarray(i * DIMENSION, (i + 1) * DIMENSION);
    assert.ok(Math.abs(rates[i] - reference(embedding)) < 1e-12);
    const decision = router.routeEmbeddingSync(embedding, { threshold: 0.5 });
    assert.equal(decision.winRate, rates[i]);
    assert.equal(decision.side, rates[i] >= 0.5 ? 'strong' : 'weak');
    assert.deepEqual(await router.routeEmbedding(embedding, { threshold: 0.5 }), decision);
  }
  assert.ok(new Set(rates).size > n / 2);
  assert.deepEqual(router.winRatesFromEmbeddings(new Float32Array()), new Float64Array());
});

test('an array that begins inside its buffer is read from where it begins', (t) => {
  const router = Router.open(writeCheckpoint(temporary(t)));
  const values = numbers(3 * DIMENSION, 9);
  const expected = router.winRatesFromEmbeddings(values);
  for (const offset of [1, 3, 16]) {
    const buffer = new ArrayBuffer((values.length + offset + 5) * 4);
    new Float32Array(buffer).fill(1e9);
    const view = new Float32Array(buffer, offset * 4, values.length);
    view.set(values);
    assert.equal(view.byteOffset, offset * 4);
    assert.deepEqual(router.winRatesFromEmbeddings(view), expected);
    const one = view.subarray(DIMENSION, 2 * DIMENSION);
    assert.equal(router.routeEmbeddingSync(one, { threshold: 0.5 }).winRate, expected[1]);
  }
  // Memory that another thread may write to is copied first.
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  assert.deepEqual(router.winRatesFromEmbeddings(shared), expected);
});

test('an embedding may change after the call has returned its promise', async (t) => {
  const router = Router.open(writeCheckpoint(temporary(t)));
  const embedding = numbers(DIMENSION, 11);
  const expected = router.routeEmbeddingSync(embedding, { threshold: 0.5 });
  const promise = router.routeEmbedding(embedding, { threshold: 0.5 });
  embedding.fill(0);
  assert.deepEqual(await promise, expected);
});

test('candidates are scored one by one, and any two make a pair', (t) => {
  const folder = writeCheckpoint(temporary(t));
  const router = Router.open(folder);
  const embedding = numbers(DIMENSION, 13);
  const scores = router.candidateScoresFromEmbedding(embedding);
  assert.ok(scores instanceof Float64Array);
  assert.equal(scores.length, router.models.length);
  for (const [strong, weak] of [['gpt-4-0314', 'llama-13b'], ['llama-13b', 'claude-1']]) {
    const pair = Router.open(folder, { strong, weak });
    assert.deepEqual([pair.strong, pair.weak], [strong, weak]);
    const logit = scores[router.models.indexOf(strong)] - scores[router.models.indexOf(weak)];
    const rate = pair.winRatesFromEmbeddings(embedding)[0];
    assert.ok(Math.abs(rate - 1 / (1 + Math.exp(-logit))) < 1e-12);
    const decision = pair.routeEmbeddingSync(embedding, { threshold: 0 });
    assert.equal(decision.model, strong);
  }
});
