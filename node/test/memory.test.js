'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { PACKAGE, runScript } = require('./helpers.js');

const MEGABYTE = 1 << 20;

/** Grows warm by `body(n / 10)`, then tells by how many bytes the process grows in `body(n)`. */
function growth(n, body) {
  const script = `
    const { Router } = require('.');
    const run = async (n) => { ${body} };
    const rss = async () => {
      for (let i = 0; i < 5; i += 1) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
      return process.memoryUsage().rss;
    };
    (async () => {
      await run(${n} / 10);
      const before = await rss();
      await run(${n});
      console.log(JSON.stringify(await rss() - before));
    })();`;
  return runScript(script, { cwd: PACKAGE, args: ['--expose-gc'] });
}

test('100 000 calls leave nothing behind', () => {
  // A leak of the prompt alone would be 50 MB.
  const grown = growth(100_000, `
    const router = Router.default();
    const prompt = 'x'.repeat(500);
    for (let i = 0; i < n; i += 1) router.routeSync(prompt + i, { threshold: 0.5 });`);
  assert.ok(grown < 25 * MEGABYTE, `${grown} bytes`);
});

test('promises, batches, signals, errors and fallbacks leave nothing behind', () => {
  // A leak of the prompts alone would be 60 MB.
  const grown = growth(10_000, `
    const router = Router.default();
    const prompt = 'x'.repeat(2000);
    const { signal } = new AbortController();
    for (let i = 0; i < n; i += 1) {
      await router.route(prompt + i, { signal });
      await router.routeBatch([prompt + i, prompt], { onError: 'weak' });
      await router.route('\\ud800' + prompt).catch(() => {});
      router.routeSync('\\ud800' + prompt, { onError: 'weak' });
    }`);
  assert.ok(grown < 30 * MEGABYTE, `${grown} bytes`);
});

test('routers out of use are collected, also by a host that never asks for it', () => {
  // Each takes about half a megabyte or more; none is kept.
  const grown = growth(300, `
    for (let i = 0; i < n; i += 1) {
      Router.default();
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }`);
  assert.ok(grown < 60 * MEGABYTE, `${grown} bytes`);
});
