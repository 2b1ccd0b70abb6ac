'use strict';

const { existsSync, readdirSync } = require('node:fs');
const { join, dirname } = require('node:path');
const native = require('../native.js');
const { places, resolve } = require('./resolve.js');

const PACKAGE = 'onnxruntime-node';
const LIBRARY = { darwin: /^libonnxruntime\..*dylib$/, win32: /^onnxruntime\.dll$/ }[process.platform]
  ?? /^libonnxruntime\.so\.\d+$/;

/**
 * Where `onnxruntime-node` keeps the library, without loading the package: both sides of a process then use
 * one ONNX Runtime, and who never asks for an encoder pays nothing.
 */
function locate() {
  const manifest = resolve(`${PACKAGE}/package.json`);
  if (manifest === undefined) {
    return { description: `npm package ${PACKAGE}: not installed for ${places().join(' or ')}` };
  }
  const root = dirname(manifest);
  const bin = join(root, 'bin');
  const versions = existsSync(bin) ? readdirSync(bin).filter((name) => /^napi-v\d+$/.test(name)) : [];
  versions.sort((a, b) => Number(b.slice(6)) - Number(a.slice(6)));
  for (const version of versions) {
    const folder = join(bin, version, process.platform, process.arch);
    const library = existsSync(folder) && readdirSync(folder).find((name) => LIBRARY.test(name));
    if (library) {
      const path = join(folder, library);
      return { path, description: `${path} (npm package ${PACKAGE})` };
    }
  }
  return { description: `npm package ${PACKAGE} in ${root}: no library for ${process.platform} ${process.arch}` };
}

let found = false;

/** Tells the core where the library is; what was not found is looked for again the next time. */
function announce() {
  if (found) return;
  const { path, description } = locate();
  native.setPackageLibrary(path, description);
  found = path !== undefined;
}

module.exports = { announce };
