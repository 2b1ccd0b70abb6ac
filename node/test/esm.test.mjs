import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as routellm from 'routellm';

const require = createRequire(import.meta.url);

test('import and require give the same package', () => {
  const required = require('routellm');
  assert.deepEqual(Object.keys(routellm).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(required)) assert.equal(routellm[name], value);
});

test('an imported router routes', async () => {
  const router = routellm.Router.default();
  assert.deepEqual(await router.route('x'), router.routeSync('x'));
});

test('nothing but the package itself and its package.json can be required', () => {
  assert.equal(require('routellm/package.json').name, 'routellm');
  assert.throws(() => require('routellm/lib/router.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
});
