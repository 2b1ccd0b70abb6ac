'use strict';

// Names of one's own for candidates.

const assert = require('node:assert/strict');
const path = require('node:path');
const test = require('node:test');
const { Router } = require('..');

const VOTES = path.join(__dirname, '..', '..', 'tests', 'conformance', 'sw-hashed');

test('decisions, hooks and the information use names of one\'s own', async () => {
  const router = Router.default({ names: { strong: 'gpt-5', weak: 'gpt_5_mini' } });
  const plain = Router.default();
  assert.equal(router.routeSync('hello', { strongShare: 1 }).model, 'gpt-5');
  assert.equal((await router.route('hello', { strongShare: 0 })).model, 'gpt_5_mini');
  assert.deepEqual([router.strong, router.weak], ['gpt-5', 'gpt_5_mini']);
  const info = router.info();
  assert.deepEqual(info.names, { [plain.strong]: 'gpt-5', [plain.weak]: 'gpt_5_mini' });
  assert.deepEqual([info.strong, info.weak], ['gpt-5', 'gpt_5_mini']);
  assert.deepEqual(plain.info().names, {});
});

test('candidates go on being chosen by the names of the router', () => {
  const plain = Router.open(VOTES);
  const router = Router.open(VOTES, { strong: plain.strong, names: { [plain.weak]: 'Small One' } });
  assert.deepEqual([...router.models].sort(), [plain.strong, 'Small One'].sort());
  const why = router.explainSync('What is the capital of France?', 2);
  assert.deepEqual(why.ratings.map(({ model }) => model), router.models);
});

test('names of nobody or of two are refused', () => {
  for (const [names, message] of [
    [{ 'gpt-9': 'x' }, /names has "gpt-9", expected strong, weak or one of/],
    [{ strong: 'x', weak: 'x' }, /with one name/],
    [{ strong: 5 }, /names\["strong"\] is 5, expected a string/],
    ['gpt-5', /names is "gpt-5", expected an object of names/],
  ]) assert.throws(() => Router.default({ names }), message);
});
