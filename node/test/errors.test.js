'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { RouteLLMError, Router } = require('..');
const native = require('../native.js');
const { PACKAGE, ROOT } = require('./helpers.js');

test('the table of errors is that of the core', () => {
  const rows = native.errorKinds();
  assert.deepEqual(rows.map(({ number }) => number), rows.map((_, i) => i + 1));
  const source = readFileSync(join(ROOT, 'core', 'src', 'error.rs'), 'utf8');
  const kinds = [...source.matchAll(/^ {4}(\w+) = (\d+),$/gm)].map(([, name, number]) => [name, Number(number)]);
  assert.ok(kinds.length >= 12);
  assert.deepEqual(rows.map(({ name, number }) => [name, number]), kinds);
  for (const { name, number, code } of rows) {
    const error = new RouteLLMError(name, 'text');
    assert.deepEqual([error.code, error.kind, error.errno], [code, name, number]);
    assert.equal(code, `ERR_ROUTELLM_${name.replace(/(?<!^)([A-Z])/g, '_$1').toUpperCase()}`);
  }
});

test('the declared kinds and codes are those of the table', () => {
  const declarations = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const union = (name) => {
    const [, text] = declarations.match(new RegExp(`export type ${name} =([^;]*);`));
    return [...text.matchAll(/'(\w+)'/g)].map(([, member]) => member);
  };
  const rows = native.errorKinds();
  assert.deepEqual(union('ErrorKind'), rows.map(({ name }) => name));
  assert.deepEqual(union('ErrorCode'), rows.map(({ code }) => code));
});

test('an error is an Error with code, kind, number and cause', () => {
  assert.throws(
    () => Router.open('/no/such/folder'),
    (error) => {
      assert.ok(error instanceof RouteLLMError && error instanceof Error);
      assert.equal(error.name, 'RouteLLMError');
      assert.equal(error.code, 'ERR_ROUTELLM_NOT_FOUND');
      assert.equal(error.kind, 'NotFound');
      assert.equal(error.errno, 2);
      assert.match(error.message, /no\/such\/folder/);
      assert.match(error.stack, /errors\.test\.js/);
      assert.deepEqual(Object.keys(error), ['code', 'kind', 'errno']);
      return true;
    },
  );
});

test('the cause of an error of the operating system is kept', () => {
  // A folder that is no artifact: reading its router.json fails.
  assert.throws(() => Router.open(PACKAGE), (error) => {
    assert.equal(error.kind, 'NotFound');
    assert.ok(error.cause instanceof Error);
    assert.match(error.cause.message, /No such file/);
    assert.deepEqual([error.cause.code, error.cause.errno], ['ENOENT', -2]);
    return true;
  });
});

test('a rejection tells who awaited', async () => {
  async function asker() {
    await Router.openAsync('/no/such/folder');
  }
  await assert.rejects(asker(), (error) => error.kind === 'NotFound' && /asker/.test(error.stack));
});

test('a panic becomes an error of kind Internal, on this thread and on others', async () => {
  const internal = (error) => error.code === 'ERR_ROUTELLM_INTERNAL' && /on purpose/.test(error.message);
  assert.throws(() => native.panicSync(), internal);
  const router = native.open(undefined, '{}');
  await assert.rejects(native.panicAsync(), internal);
  // More than there are threads: each of them goes on.
  const calls = Array.from({ length: 100 }, () => native.panicAsync());
  for (const { reason } of await Promise.allSettled(calls)) assert.ok(internal(reason));
  // The process is alive, and routers work.
  assert.equal(typeof Router.default().routeSync('still here').model, 'string');
});
