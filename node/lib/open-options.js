'use strict';

const { fileURLToPath } = require('node:url');
const { describe, invalid } = require('./errors.js');
const { checkNames, checkRead } = require('./options.js');

function text(name, value) {
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw invalid(`${name} is ${describe(value)}, expected a string`);
}

/** A checker of texts of which there are few. */
function oneOf(...known) {
  const names = known.map((one) => JSON.stringify(one));
  const expected = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return (name, value) => {
    if (known.includes(value)) return value;
    throw invalid(`${name} is ${describe(value)}, expected ${expected}`);
  };
}

/** A checker of whole numbers. */
function whole(least, most, range = `from ${least} to ${most}`) {
  return (name, value) => {
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw invalid(`${name} is ${describe(value)}, expected a whole number ${range}`);
  };
}

const anyCount = whole(0, 0xffffffff, 'from 0 on');

/** A path, also given as a `file:` URL. */
function pathText(name, value) {
  if (value instanceof URL) {
    if (value.protocol !== 'file:') throw invalid(`${name} is ${value.href}, expected a path or a file: URL`);
    return fileURLToPath(value);
  }
  if (typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0')) return value;
  throw invalid(`${name} is ${describe(value)}, expected a path or a file: URL`);
}

function similarity(name, value) {
  if (typeof value === 'number' && value >= -1 && value <= 1) return value;
  throw invalid(`${name} is ${describe(value)}, expected a number in [-1, 1]`);
}

function clusters(name, value) {
  // The number by which the native layer knows all of them.
  if (value === 'all') return Infinity;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`${name} is ${describe(value)}, expected a whole number from 1, or "all"`);
}

function errorTarget(name, value) {
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  throw invalid(`${name} is ${describe(value)}, expected a number above 0, up to 1 (openClusters: "all" is exact)`);
}

const snake = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A name or a text as it is; an object, whose keys are written as JavaScript does, as JSON of the core. */
function nameOrObject(name, value) {
  if (typeof value === 'string') return text(name, value);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(`${name} is ${describe(value)}, expected a string or an object with kind`);
  }
  const parameters = {};
  for (const [key, parameter] of Object.entries(value)) {
    if (parameter === undefined) continue;
    // Written as JSON they would be null.
    if (typeof parameter === 'number' && !Number.isFinite(parameter)) {
      throw invalid(`${name}.${key} is ${describe(parameter)}, expected a finite number`);
    }
    if (Object.hasOwn(parameters, snake(key))) throw invalid(`${name} has ${snake(key)} twice`);
    parameters[snake(key)] = parameter;
  }
  try {
    return JSON.stringify(parameters);
  } catch (error) {
    throw invalid(`${name} cannot be written as JSON: ${error.message}`, { cause: error });
  }
}

function flag(name, value) {
  if (typeof value !== 'boolean') throw invalid(`${name} is ${describe(value)}, expected true or false`);
  return value;
}

function scoreTokens(name, value) {
  if (!Array.isArray(value)) throw invalid(`${name} is ${describe(value)}, expected an array of texts and ids of tokens`);
  return Array.from(value, (token, i) => {
    const where = `${name}[${i}]`;
    if (typeof token !== 'string' && typeof token !== 'number') {
      throw invalid(`${where} is ${describe(token)}, expected the text or the id of a token`);
    }
    return typeof token === 'string' ? text(where, token) : anyCount(where, token);
  });
}

/** The options of opening, each with what checks it: its value for the native layer. */
const OPEN = {
  strong: text,
  weak: text,
  mode: oneOf('exact', 'reference'),
  read: checkRead,
  onnxruntime: pathText,
  provider: oneOf('cpu', 'cuda', 'auto'),
  deviceId: anyCount,
  memoryLimit: whole(1, Number.MAX_SAFE_INTEGER, 'from 1 on'),
  tf32: flag,
  preset: oneOf('latency', 'throughput'),
  sessions: whole(1, 256),
  intraThreads: whole(1, 256),
  maxWaiting: anyCount,
  outOfDistribution: oneOf('strong', 'weak', 'ignore'),
  minSimilarity: similarity,
  mmap: oneOf('auto', 'always', 'never'),
  openClusters: clusters,
  errorTarget,
  kind: text,
  head: nameOrObject,
  longPrompts: nameOrObject,
  template: nameOrObject,
  scoreTokens,
  scoreThreshold: anyCount,
  maxNewTokens: anyCount,
  maxTokens: anyCount,
};

/** The options of opening a router. */
function openOptions(options, method) {
  if (options === undefined) return {};
  checkNames(options, method, Object.keys(OPEN));
  const open = {};
  for (const [name, check] of Object.entries(OPEN)) {
    if (options[name] !== undefined) open[name] = check(name, options[name]);
  }
  if (open.openClusters !== undefined && open.errorTarget !== undefined) {
    throw invalid('both openClusters and errorTarget are given: pass one of them');
  }
  return open;
}

module.exports = { openOptions, pathText };
