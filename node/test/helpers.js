'use strict';

const { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { spawnSync } = require('node:child_process');

const PACKAGE = join(__dirname, '..');
const ROOT = join(PACKAGE, '..');
const DEFAULT_ARTIFACT = join(ROOT, 'core', 'default-router');
const MF_ARTIFACT = join(ROOT, 'artifacts', 'mf-minilm');
const MODELS = join(ROOT, 'tests', 'models');

function resolves(name) {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}

/** Why nothing that needs ONNX Runtime can run here; `false` if it can. */
const noRuntime =
  !process.env.ROUTELLM_ORT_PATH && !resolves('onnxruntime-node/package.json') && 'onnxruntime-node is not installed';

/** Why tests of the encoder cannot run here; `false` if they can. */
const noEncoder =
  (!existsSync(join(MF_ARTIFACT, 'router.json')) && 'artifacts/mf-minilm is not in this checkout') || noRuntime;

/** A folder that is gone after the test. */
function temporary(t) {
  const folder = mkdtempSync(join(tmpdir(), 'routellm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Deterministic numbers in [-1, 1). */
function numbers(count, seed) {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The bits of a number, as hexadecimal digits. */
function bits(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}

function safetensors(tensors) {
  const header = {};
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, ...Object.values(tensors).map(({ data }) => Buffer.from(data.buffer))]);
}

const DIMENSION = 24;

/** Writes a checkpoint in the published layout: a router on embeddings of the caller, of `DIMENSION` numbers. */
function writeCheckpoint(folder) {
  const [models, dim] = [64, 8];
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ dim, num_models: models, text_dim: DIMENSION, num_classes: 1, use_proj: true }),
  );
  writeFileSync(
    join(folder, 'model.safetensors'),
    safetensors({
      'P.weight': { shape: [models, dim], data: numbers(models * dim, 1) },
      'text_proj.0.weight': { shape: [dim, DIMENSION], data: numbers(dim * DIMENSION, 2) },
      'classifier.0.weight': { shape: [1, dim], data: numbers(dim, 3) },
    }),
  );
  return folder;
}

/** Copies what the npm package installs, without any package beside it. */
function installAlone(folder) {
  const target = join(folder, 'node_modules', 'routellm');
  mkdirSync(target, { recursive: true });
  const addon = readdirSync(PACKAGE).filter((name) => name.endsWith('.node'));
  for (const name of ['package.json', 'index.js', 'index.mjs', 'native.js', 'lib', ...addon]) {
    cpSync(join(PACKAGE, name), join(target, name), { recursive: true });
  }
  return target;
}

/** Runs a script in a Node process of its own, and gives what it printed as JSON. */
function runScript(script, { cwd = PACKAGE, env = {}, args = [] } = {}) {
  const run = spawnSync(process.execPath, [...args, '-e', script], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (run.status !== 0) {
    throw new Error(`the script ended with ${run.status ?? run.signal}\n${run.stdout}\n${run.stderr}`);
  }
  return JSON.parse(run.stdout);
}

module.exports = {
  DEFAULT_ARTIFACT, DIMENSION, MF_ARTIFACT, MODELS, PACKAGE, ROOT,
  bits, installAlone, noEncoder, noRuntime, numbers, runScript, temporary, writeCheckpoint,
};
