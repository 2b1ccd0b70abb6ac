#!/usr/bin/env node
'use strict';

// Runs the program that lies in this package, with the arguments, the streams and the signals of this process.

const { spawn } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const { dirname, join } = require('node:path');

/** The library of `onnxruntime-node`, if that is installed for the working directory or beside this package. */
function onnxruntime() {
  let root;
  try {
    root = dirname(require.resolve('onnxruntime-node/package.json', { paths: [process.cwd(), __dirname] }));
  } catch {
    return undefined;
  }
  const bin = join(root, 'bin');
  const versions = existsSync(bin) ? readdirSync(bin).filter((name) => /^napi-v\d+$/.test(name)) : [];
  versions.sort((a, b) => Number(b.slice(6)) - Number(a.slice(6)));
  for (const version of versions) {
    const folder = join(bin, version, process.platform, process.arch);
    const library = existsSync(folder) && readdirSync(folder).find((name) => /^libonnxruntime\.so\.\d+$/.test(name));
    if (library) return join(folder, library);
  }
  return undefined;
}

const env = { ...process.env };
if (!env.ROUTELLM_ORT_PATH && !env.ORT_DYLIB_PATH) {
  const library = onnxruntime();
  if (library !== undefined) env.ROUTELLM_ORT_PATH = library;
}
const program = join(__dirname, '..', 'native', 'routellm');
const child = spawn(program, process.argv.slice(2), { stdio: 'inherit', env });
child.on('error', (error) => {
  console.error(`routellm: the program of this package cannot be run: ${error.message}`);
  process.exitCode = 1;
});
// A terminal sends Ctrl-C to both; what is sent to this process alone is passed on. It ends when the program does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    child.kill(signal);
  });
}
child.on('exit', (code, signal) => {
  if (signal === null) {
    process.exitCode = code;
    return;
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
