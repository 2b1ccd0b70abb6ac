'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { doctor, version } = require('..');

const conformance = join(__dirname, '..', '..', 'tests', 'conformance');

test('a report says what was found', () => {
  const diagnosis = doctor();
  assert.deepEqual(Object.keys(diagnosis).sort(), ['artifact', 'cpu', 'gpu', 'runtime', 'settings', 'versions']);
  assert.equal(diagnosis.versions.routellm, version);
  assert.equal(diagnosis.versions.language, `Node.js ${process.version}`);
  assert.equal(typeof diagnosis.versions.cAbi, 'number');
  assert.equal(diagnosis.artifact.form, 'compiled_in');
  assert.ok(diagnosis.cpu.cores >= 1);
  for (const [name, value] of Object.entries(diagnosis.settings.environment)) {
    assert.match(name, /^[A-Z_]+$/);
    assert.equal(typeof value, 'string');
  }
});

test('artifacts are told', () => {
  const folder = join(conformance, 'sw-caller');
  assert.equal(doctor(folder).artifact.kind, 'sw_ranking');
  assert.equal(doctor(pathToFileURL(folder)).artifact.checksums, true);
  const missing = doctor(join(conformance, 'none')).artifact;
  assert.equal(missing.form, 'missing');
  assert.match(missing.problem, /no such folder/);
  assert.throws(() => doctor(7), { code: 'ERR_ROUTELLM_INVALID_ARGUMENT' });
});

test('what the system says of a broken library is told', { skip: process.platform !== 'linux' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'routellm-'));
  try {
    const library = join(folder, 'libonnxruntime.so');
    writeFileSync(library, '\x7fELF');
    const code = "process.stdout.write(JSON.stringify(require(process.argv[1]).doctor().runtime))";
    const env = { ...process.env, ROUTELLM_ORT_PATH: library };
    const runtime = JSON.parse(execFileSync(process.execPath, ['-e', code, join(__dirname, '..')], { env }));
    assert.equal(runtime.found, false);
    assert.match(runtime.lookedAt.join('\n'), /file too short/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
