'use strict';

// Files that change while a router has them open, and errors of the operating system.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const test = require('node:test');

const { Router } = require('..');
const { ROOT, numbers } = require('./helpers.js');

function copyOf(t, name) {
  const folder = mkdtempSync(join(tmpdir(), 'routellm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(ROOT, 'tests', 'conformance', name), join(folder, name), { recursive: true });
  return join(folder, name);
}

test('a store in memory does not depend on its file', (t) => {
  const script = `
    const { Router } = require(process.argv[1]);
    const router = Router.open(process.argv[2], JSON.parse(process.argv[3]));
    const query = new Float32Array(8).fill(1);
    const before = router.routeEmbeddingSync(query);
    require('node:fs').truncateSync(require('node:path').join(process.argv[2], 'votes.safetensors'), 0);
    require('node:assert').deepEqual(router.routeEmbeddingSync(query), before);
    router.explainEmbedding(query, 3);`;
  for (const options of [{}, { mmap: 'auto' }, { mmap: 'never' }]) {
    for (const name of ['sw-caller', 'sw-clustered']) {
      const args = ['-e', script, join(__dirname, '..'), copyOf(t, name), JSON.stringify(options)];
      const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      assert.deepEqual([status, signal, stderr], [0, null, ''], `${name} ${JSON.stringify(options)}`);
    }
  }
});

test('a mapped store may be replaced', (t) => {
  const folder = copyOf(t, 'sw-caller');
  const router = Router.open(folder, { mmap: 'always' });
  const query = numbers(router.embeddingDimension, 3);
  const before = router.routeEmbeddingSync(query);
  writeFileSync(join(folder, 'other'), 'x');
  renameSync(join(folder, 'other'), join(folder, 'votes.safetensors'));
  assert.deepEqual(router.routeEmbeddingSync(query), before);
});

test('an error of the operating system keeps its number', (t) => {
  const folder = copyOf(t, 'sw-caller');
  truncateSync(join(folder, 'router.json'), 0);
  assert.throws(() => Router.open(folder), { kind: 'InvalidModel' });
  rmSync(join(folder, 'router.json'));
  assert.throws(() => Router.open(folder), (error) => {
    assert.equal(error.kind, 'NotFound');
    assert.deepEqual([error.cause.code, error.cause.errno], ['ENOENT', -2]);
    return true;
  });
  mkdirSync(join(folder, 'router.json'));
  assert.throws(() => Router.open(folder), (error) => {
    assert.equal(error.kind, 'Io');
    assert.deepEqual([error.cause.code, error.cause.errno], ['EISDIR', -21]);
    return true;
  });
});
