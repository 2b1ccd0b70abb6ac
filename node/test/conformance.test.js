'use strict';

// The expectations that every language of this library meets, as data: tests/conformance/routing.json.

const assert = require('node:assert/strict');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { after, test } = require('node:test');
const { Router } = require('..');
const { ROOT, bits, noEncoder } = require('./helpers.js');

const FILE = join(ROOT, 'tests', 'conformance', 'routing.json');
const missing = !existsSync(FILE) && 'tests/conformance/routing.json is not in this checkout';
const cases = missing ? { prompts: [], embeddings: [] } : JSON.parse(readFileSync(FILE, 'utf8'));

/** The prompt of a case, in the form that brings it to this language unchanged. */
function promptOf(entry) {
  if ('text' in entry) return entry.text;
  if ('repeat' in entry) return entry.repeat[0].repeat(entry.repeat[1]);
  if ('utf8_hex' in entry) return Buffer.from(entry.utf8_hex, 'hex');
  if ('messages' in entry) return entry.messages;
  const units = entry.utf16_hex.match(/.{4}/g) ?? [];
  return String.fromCharCode(...units.map((unit) => Number.parseInt(unit, 16)));
}

function embeddingOf(entry) {
  const values = 'values' in entry ? Float32Array.from(entry.values) : new Float32Array(entry.fill[1]).fill(entry.fill[0]);
  if ('nan_at' in entry) values[entry.nan_at] = NaN;
  if ('inf_at' in entry) values[entry.inf_at] = Infinity;
  return values;
}

/** Checks that each of `calls` comes to what `expected` says; gives the first decision. */
async function check(id, expected, tolerance, calls) {
  let first;
  for (const call of calls) {
    if (expected.error !== undefined) {
      await assert.rejects(async () => call(), { kind: expected.error }, id);
      continue;
    }
    const decision = await call();
    if (tolerance === 0) {
      assert.equal(bits(decision.winRate), expected.win_rate_bits, `${id}: ${decision.winRate}, expected ${expected.win_rate}`);
    } else {
      const off = Math.abs(decision.winRate - expected.win_rate);
      assert.ok(off <= tolerance, `${id}: ${decision.winRate}, expected ${expected.win_rate}`);
    }
    // On the line itself, another processor's encoder may decide for the other side.
    if (Math.abs(decision.winRate - decision.threshold) > tolerance || tolerance === 0) {
      assert.equal(decision.side, expected.side, id);
    }
    assert.equal(decision.truncated, expected.truncated ?? false, id);
    assert.equal(decision.fallback, false, id);
    first ??= decision;
    assert.deepEqual(decision, first, `${id}: the same in every way of asking`);
  }
  return first;
}

const known = (router, entries) => entries.filter(({ expect }) => expect?.[router] !== undefined);

test('the file has cases of every sort', { skip: missing }, () => {
  assert.equal(cases.format, 1);
  assert.ok(cases.prompts.length >= 60 && cases.embeddings.length >= 20);
  for (const sort of ['text', 'repeat', 'utf8_hex', 'messages', 'utf16_hex']) {
    assert.ok(cases.prompts.some((entry) => sort in entry), sort);
  }
  assert.ok(known('default', cases.prompts).length >= 60);
});

test('the default router agrees on every prompt, to the bit', { skip: missing }, async () => {
  const router = Router.default();
  for (const entry of known('default', cases.prompts)) {
    const prompt = promptOf(entry);
    await check(entry.id, entry.expect.default, 0, [
      () => router.routeSync(prompt),
      () => router.route(prompt),
      () => router.routeBatchSync([prompt])[0],
    ]);
  }
});

test('the default router agrees on every embedding', { skip: missing }, async () => {
  const router = Router.default();
  for (const entry of known('default', cases.embeddings)) {
    const embedding = embeddingOf(entry);
    await check(entry.id, entry.expect.default, 0, [
      () => router.routeEmbeddingSync(embedding),
      () => router.routeEmbedding(embedding),
    ]);
  }
});

const skipEncoder = missing || noEncoder;
const rates = {};

test('mf-minilm agrees on every prompt, to 1e-4', { skip: skipEncoder }, async () => {
  const router = Router.bundled('mf-minilm', { intraThreads: 1 });
  for (const entry of known('mf-minilm', cases.prompts)) {
    const prompt = promptOf(entry);
    const decision = await check(entry.id, entry.expect['mf-minilm'], 1e-4, [
      () => router.routeSync(prompt),
      () => router.route(prompt),
    ]);
    if (decision !== undefined) rates[entry.id] = bits(decision.winRate);
  }
});

test('mf-minilm agrees on every embedding, to the bit', { skip: skipEncoder }, async () => {
  const router = Router.bundled('mf-minilm');
  for (const entry of known('mf-minilm', cases.embeddings)) {
    const embedding = embeddingOf(entry);
    await check(entry.id, entry.expect['mf-minilm'], 0, [
      () => router.routeEmbeddingSync(embedding),
      () => router.routeEmbedding(embedding),
    ]);
  }
});

// What the encoder came to, for a comparison of all languages on this machine.
after(() => {
  const file = process.env.ROUTELLM_CONFORMANCE_OUT;
  if (!file || skipEncoder) return;
  const sorted = Object.fromEntries(Object.entries(rates).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 1)}\n`);
});
