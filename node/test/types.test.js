'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { mkdirSync, readFileSync, symlinkSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { test } = require('node:test');
const routellm = require('..');
const { PACKAGE, temporary } = require('./helpers.js');

const TYPESCRIPT = require.resolve('typescript/package.json').replace('package.json', 'bin/tsc');

/** Compiles a file strictly, as a module of this kind, in a project that has the package installed. */
function compile(t, kind, extra, { file = 'usage.ts', text, packages = [] } = {}) {
  const folder = temporary(t);
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(PACKAGE, join(folder, 'node_modules', 'routellm'));
  symlinkSync(join(PACKAGE, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'));
  for (const name of packages) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(PACKAGE, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: kind }));
  writeFileSync(join(folder, file), text ?? readFileSync(join(__dirname, 'types', file)));
  const flags = [
    '--strict', '--noEmit', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--target', 'es2022',
    '--module', 'node16', '--preserveSymlinks', ...extra,
  ];
  const run = spawnSync(process.execPath, [TYPESCRIPT, ...flags, file], { cwd: folder, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout);
}

// `skipLibCheck`: the types of Node are not ours to check. Our own are checked below.
const node = ['--types', 'node', '--lib', 'es2022', '--skipLibCheck'];

test('the declarations pass tsc --strict for a CommonJS user', (t) => compile(t, 'commonjs', node));
test('the declarations pass tsc --strict for an ESM user', (t) => compile(t, 'module', node));
// What `openai` and `ai` declare refers to these.
const packages = [
  'openai', 'ai', '@ai-sdk/gateway', '@ai-sdk/provider', '@ai-sdk/provider-utils', '@opentelemetry/api',
  '@standard-schema/spec', 'eventsource-parser', 'json-schema', 'undici-types', 'zod',
];

for (const [kind, module, resolution] of [
  ['commonjs', 'node16', 'node16'], ['module', 'node16', 'node16'], ['commonjs', 'nodenext', 'nodenext'],
  ['module', 'nodenext', 'nodenext'], ['module', 'esnext', 'bundler'],
]) {
  test(`chats typed by openai and ai compile, ${kind} with ${resolution}`, (t) => {
    const extra = [...node, '--lib', 'es2022,dom,dom.iterable', '--module', module, '--moduleResolution', resolution];
    compile(t, kind, extra, { file: 'chats.ts', packages });
  });
}

test('the typed examples of the README compile', (t) => {
  const examples = [...readFileSync(join(PACKAGE, 'README.md'), 'utf8').matchAll(/```ts\n([^]*?)```/g)];
  assert.equal(examples.length, 3);
  for (const [, example] of examples) {
    compile(t, 'module', [...node, '--lib', 'es2022,dom,dom.iterable'], { text: example, packages });
  }
});

test('a JavaScript user whose editor checks types has them', (t) => {
  const text = `
    // @ts-check
    const { Router } = require('routellm');
    /** @param {import('openai').OpenAI.ChatCompletionMessageParam[]} messages @returns {import('routellm').Decision} */
    exports.decide = (messages) => Router.default().routeSync(messages, { timeoutMs: 250 });
    // @ts-expect-error a typo
    Router.default().routeSync('x', { timeout_ms: 250 });
  `;
  const extra = [...node, '--lib', 'es2022,dom,dom.iterable', '--allowJs', '--checkJs'];
  compile(t, 'commonjs', extra, { file: 'usage.js', text, packages });
});

test('the declarations are sound by themselves, without the types of Node', (t) => {
  const empty = temporary(t);
  for (const name of ['index.d.ts', 'index.d.mts']) {
    const flags = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'node16', '--lib', 'es2022,dom', '--typeRoots', empty];
    const run = spawnSync(process.execPath, [TYPESCRIPT, ...flags, join(PACKAGE, name)], { cwd: empty, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout);
  }
});

/** Names that a module or class of the declarations has, by the parser of TypeScript. */
function declared() {
  const ts = require('typescript');
  const source = ts.createSourceFile('index.d.ts', readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8'), ts.ScriptTarget.ES2022);
  const module = [];
  const classes = {};
  for (const statement of source.statements) {
    if (ts.isFunctionDeclaration(statement)) module.push(statement.name.text);
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) module.push(name.text);
    }
    if (ts.isClassDeclaration(statement)) {
      module.push(statement.name.text);
      const members = { static: [], instance: [] };
      for (const member of statement.members) {
        if (ts.isConstructorDeclaration(member)) continue;
        const isStatic = member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword);
        // Symbols have no text, and are tried by the usage file.
        const names = members[isStatic ? 'static' : 'instance'];
        // Overloads are one method.
        if (member.name.text !== undefined && !names.includes(member.name.text)) names.push(member.name.text);
      }
      classes[statement.name.text] = members;
    }
  }
  return { module, classes };
}

test('what is declared is what is there', () => {
  const { module, classes } = declared();
  assert.deepEqual(module.sort(), Object.keys(routellm).sort());
  const own = (object, without) => Object.getOwnPropertyNames(object).filter((name) => !without.includes(name)).sort();
  const { ReloadableRouter, Router, RouteLLMError } = routellm;
  assert.deepEqual(classes.Router.static.sort(), own(Router, ['length', 'name', 'prototype']));
  assert.deepEqual(classes.Router.instance.sort(), own(Router.prototype, ['constructor']));
  assert.deepEqual(
    [...classes.ReloadableRouter.instance, ...classes.Router.instance].sort(),
    own(ReloadableRouter.prototype, ['constructor']),
  );
  const error = new RouteLLMError('Internal', 'x', { cause: 1 });
  assert.deepEqual(classes.RouteLLMError.instance.sort(), own(error, ['stack', 'message']));
  const decision = Router.default().routeSync('x');
  const text = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const fields = (name) => [...text.match(new RegExp(`export interface ${name} {\n([^]*?)\n}`))[1].matchAll(/^ {2}(\w+)\??:/gm)];
  assert.deepEqual(fields('Decision').map(([, name]) => name), Object.keys(decision));
  assert.deepEqual(fields('RouterStats').map(([, name]) => name), Object.keys(Router.default().stats()));
  assert.deepEqual(fields('RouterInfo').map(([, name]) => name).sort(), Object.keys(Router.default().info()).sort());
});
