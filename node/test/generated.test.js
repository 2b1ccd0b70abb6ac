'use strict';

const assert = require('node:assert/strict');
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { PACKAGE, ROOT } = require('./helpers.js');

const OUTPUT = join(ROOT, 'target', 'node');

test('the committed loader and declarations are those that the build generates', () => {
  for (const name of ['native.js', 'native.d.ts']) {
    const generated = join(OUTPUT, name);
    assert.ok(existsSync(generated), `${generated} is missing: build the addon first (npm run build)`);
    assert.equal(readFileSync(join(PACKAGE, name), 'utf8'), readFileSync(generated, 'utf8'),
      `${name} is not current: npm run build:write`);
  }
});
