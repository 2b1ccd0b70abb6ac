'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const { version } = require('..');
const { MF_ARTIFACT, PACKAGE, ROOT, runScript, temporary } = require('./helpers.js');

const COMPANION = join(ROOT, 'packages', 'npm-mf-minilm');
const MEGABYTE = 1 << 20;

/** Packs a package into `folder`; gives what npm says of it. */
function pack(source, folder) {
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: source,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const packed = JSON.parse(output.slice(output.search(/^[[{]/m)));
  const [report] = Array.isArray(packed) ? packed : Object.values(packed);
  return { ...report, paths: report.files.map(({ path }) => path).sort() };
}

/** Installs packed packages without a registry, and without any other package. */
function install(folder, tarballs) {
  execFileSync('npm', ['init', '--yes'], { cwd: folder, stdio: 'ignore' });
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], { cwd: folder, stdio: 'pipe' });
}

test('the package holds what it needs, and nothing else', (t) => {
  const folder = temporary(t);
  const report = pack(PACKAGE, folder);
  const lib = readdirSync(join(PACKAGE, 'lib')).map((name) => `lib/${name}`);
  const addon = readdirSync(PACKAGE).filter((name) => name.endsWith('.node'));
  assert.equal(addon.length, 1);
  assert.deepEqual(report.paths, [
    'LICENSE', 'README.md', 'package.json', 'index.js', 'index.mjs', 'index.d.ts', 'index.d.mts',
    'native.js', 'native.d.ts', ...lib, ...addon,
  ].sort());
  assert.equal(report.name, 'routellm');
  assert.ok(report.size < 6 * MEGABYTE, `${report.size} bytes packed`);
  // Models, trainers, evaluation and the default router.
  assert.ok(report.unpackedSize < 14 * MEGABYTE, `${report.unpackedSize} bytes unpacked`);

  // What was packed works where nothing else is.
  install(folder, [join(folder, report.filename)]);
  assert.deepEqual(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')), ['routellm']);
  const script = `
    const { Router, version } = require('routellm');
    import('routellm').then((esm) => console.log(JSON.stringify({
      version, same: esm.Router === Router, rate: Router.default().winRateSync('x') })));`;
  const answer = runScript(script, { cwd: folder });
  assert.equal(answer.version, report.version);
  assert.equal(answer.same, true);
  assert.ok(answer.rate > 0 && answer.rate < 1);
});

test('the first example of the README runs, and prints what it says', () => {
  const [, example] = readFileSync(join(PACKAGE, 'README.md'), 'utf8').match(/```js\n([^]*?)```/);
  const answer = runScript(`console.log = (value) => process.stdout.write(JSON.stringify(value)); ${example}`);
  const shown = [...example.matchAll(/^\/\/ {3}(\w+): ([^,\s]+)/gm)].map(([, name, text]) => [name, text]);
  assert.deepEqual(shown.map(([name]) => name), Object.keys(answer));
  for (const [name, text] of shown) {
    if (text.endsWith('...')) assert.equal(String(answer[name]).slice(0, text.length - 3), text.slice(0, -3), name);
    else assert.equal(typeof answer[name] === 'string' ? `'${answer[name]}'` : String(answer[name]), text, name);
  }
});

test('the addon is stripped', { skip: process.platform !== 'linux' && 'reads ELF' }, () => {
  const [addon] = readdirSync(PACKAGE).filter((name) => name.endsWith('.node'));
  assert.doesNotMatch(execFileSync('readelf', ['--sections', '--wide', join(PACKAGE, addon)], { encoding: 'utf8' }), /\.symtab|\.debug/);
});

test('the version is one and the same everywhere', () => {
  const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
  const cargo = readFileSync(join(ROOT, 'Cargo.toml'), 'utf8').match(/^\[workspace\.package\]\nversion = "(.*)"$/m);
  assert.equal(version, cargo[1]);
  assert.equal(json(join(PACKAGE, 'package.json')).version, version);
  assert.equal(json(join(PACKAGE, 'package-lock.json')).packages[''].version, version);
  assert.equal(json(join(COMPANION, 'package.json')).version, version);
});

test('the lock file names no registry', () => {
  for (const { resolved } of Object.values(JSON.parse(readFileSync(join(PACKAGE, 'package-lock.json'), 'utf8')).packages)) {
    assert.ok(resolved === undefined || resolved.startsWith('../'), resolved);
  }
});

const noArtifact = !existsSync(join(MF_ARTIFACT, 'router.json')) && 'artifacts/mf-minilm is not in this checkout';

test('routellm-mf-minilm holds the artifact, and is found by its name', { skip: noArtifact }, (t) => {
  const folder = temporary(t);
  const own = pack(PACKAGE, folder);
  const report = pack(COMPANION, folder);
  const { files } = JSON.parse(readFileSync(join(MF_ARTIFACT, 'router.json'), 'utf8'));
  assert.deepEqual(report.paths, [
    'LICENSE', 'NOTICE', 'README.md', 'package.json', 'index.js', 'index.d.ts', 'artifact/router.json',
    ...files.map(({ name, path = name }) => `artifact/${path}`),
  ].sort());
  assert.ok(report.unpackedSize < 30 * MEGABYTE, `${report.unpackedSize} bytes unpacked`);
  // Git's copy stays the only one in the checkout.
  assert.equal(existsSync(join(COMPANION, 'artifact')), false);

  install(folder, [own, report].map(({ filename }) => join(folder, filename)));
  const answer = runScript(`
    const { Router } = require('routellm');
    const { path } = require('routellm-mf-minilm');
    let opened;
    try { opened = Router.bundled('mf-minilm').info().path; } catch (error) { opened = error.code; }
    console.log(JSON.stringify({ path, opened }));`, { cwd: folder });
  assert.equal(answer.path, join(folder, 'node_modules', 'routellm-mf-minilm', 'artifact'));
  // Without ONNX Runtime in the process, the artifact is found and then asks for it.
  assert.ok([answer.path, 'ERR_ROUTELLM_RUNTIME_UNAVAILABLE'].includes(answer.opened), answer.opened);
});
