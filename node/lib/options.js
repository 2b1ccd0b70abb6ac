'use strict';

const { fileURLToPath } = require('node:url');
const { describe, invalid } = require('./errors.js');

// The numbers by which the native layer knows them.
const POLICY_DEFAULT = 0;
const POLICY_THRESHOLD = 1;
const POLICY_STRONG_SHARE = 2;
const ON_ERROR = { raise: 0, strong: 1, weak: 2 };

const NO_OPTIONS = Object.freeze({ policy: POLICY_DEFAULT, value: 0, onError: ON_ERROR.raise, signal: undefined });

/** Refuses what is no object of options, and names that the method does not know: a typo must not pass. */
function checkNames(options, method, known) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw invalid(`the options of ${method}() are ${describe(options)}, expected an object`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const only = name === 'signal' ? ': a call that does not return a promise cannot be aborted' : '';
    throw invalid(`unknown option ${JSON.stringify(name)} of ${method}()${only}; it knows: ${known.join(', ')}`);
  }
}

function unit(name, value) {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw invalid(`${name} is ${describe(value)}, expected a number in [0, 1]`);
}

function checkSignal(signal) {
  if (signal !== null && typeof signal === 'object' && 'aborted' in signal && 'addEventListener' in signal) return signal;
  throw invalid(`signal is ${describe(signal)}, expected an AbortSignal`);
}

/**
 * The options of one call, as the native layer takes them. `known` are the names that `method` takes;
 * `undefined` stands for an option that is not given.
 */
function callOptions(options, method, known) {
  if (options === undefined) return NO_OPTIONS;
  checkNames(options, method, known);
  const { threshold, strongShare, onError, signal } = options;
  const call = { policy: POLICY_DEFAULT, value: 0, onError: ON_ERROR.raise, signal: undefined };
  if (threshold !== undefined && strongShare !== undefined) {
    throw invalid('both threshold and strongShare are given: pass one of them');
  }
  if (threshold !== undefined) {
    call.policy = POLICY_THRESHOLD;
    call.value = unit('threshold', threshold);
  } else if (strongShare !== undefined) {
    call.policy = POLICY_STRONG_SHARE;
    call.value = unit('strongShare', strongShare);
  }
  if (onError !== undefined) {
    if (typeof onError !== 'string' || !Object.hasOwn(ON_ERROR, onError)) {
      throw invalid(`onError is ${describe(onError)}, expected "raise", "strong" or "weak"`);
    }
    call.onError = ON_ERROR[onError];
  }
  if (signal !== undefined) call.signal = checkSignal(signal);
  return call;
}

const OPEN = [
  'strong', 'weak', 'mode', 'onnxruntime', 'sessions', 'intraThreads',
  'outOfDistribution', 'minSimilarity', 'openClusters', 'errorTarget',
];

function text(name, value) {
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw invalid(`${name} is ${describe(value)}, expected a string`);
}

function count(name, value) {
  if (Number.isInteger(value) && value >= 1 && value <= 256) return value;
  throw invalid(`${name} is ${describe(value)}, expected a whole number from 1 to 256`);
}

function clusters(value) {
  // The number by which the native layer knows all of them.
  if (value === 'all') return Infinity;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`openClusters is ${describe(value)}, expected a whole number from 1, or "all"`);
}

/** How many votes an explanation names. */
function voteCount(value) {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw invalid(`k is ${describe(value)}, expected a whole number of votes`);
}

/** A path, also given as a `file:` URL. */
function pathText(name, value) {
  if (value instanceof URL) {
    if (value.protocol !== 'file:') throw invalid(`${name} is ${value.href}, expected a path or a file: URL`);
    return fileURLToPath(value);
  }
  if (typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0')) return value;
  throw invalid(`${name} is ${describe(value)}, expected a path or a file: URL`);
}

/** The options of opening a router. */
function openOptions(options, method) {
  if (options === undefined) return {};
  checkNames(options, method, OPEN);
  const { strong, weak, mode, onnxruntime, sessions, intraThreads } = options;
  const { outOfDistribution, minSimilarity, openClusters, errorTarget } = options;
  const open = {};
  if (strong !== undefined) open.strong = text('strong', strong);
  if (weak !== undefined) open.weak = text('weak', weak);
  if (mode !== undefined) {
    if (mode !== 'exact' && mode !== 'reference') {
      throw invalid(`mode is ${describe(mode)}, expected "exact" or "reference"`);
    }
    open.mode = mode;
  }
  if (onnxruntime !== undefined) open.onnxruntime = pathText('onnxruntime', onnxruntime);
  if (sessions !== undefined) open.sessions = count('sessions', sessions);
  if (intraThreads !== undefined) open.intraThreads = count('intraThreads', intraThreads);
  if (outOfDistribution !== undefined) {
    if (!['strong', 'weak', 'ignore'].includes(outOfDistribution)) {
      throw invalid(`outOfDistribution is ${describe(outOfDistribution)}, expected "strong", "weak" or "ignore"`);
    }
    open.outOfDistribution = outOfDistribution;
  }
  if (minSimilarity !== undefined) {
    if (!(typeof minSimilarity === 'number' && minSimilarity >= -1 && minSimilarity <= 1)) {
      throw invalid(`minSimilarity is ${describe(minSimilarity)}, expected a number in [-1, 1]`);
    }
    open.minSimilarity = minSimilarity;
  }
  if (openClusters !== undefined && errorTarget !== undefined) {
    throw invalid('both openClusters and errorTarget are given: pass one of them');
  }
  if (openClusters !== undefined) open.openClusters = clusters(openClusters);
  if (errorTarget !== undefined) {
    if (!(typeof errorTarget === 'number' && errorTarget > 0 && errorTarget <= 1)) {
      throw invalid(
        `errorTarget is ${describe(errorTarget)}, expected a number above 0, up to 1 (openClusters: "all" is exact)`,
      );
    }
    open.errorTarget = errorTarget;
  }
  return open;
}

module.exports = { callOptions, openOptions, pathText, voteCount };
