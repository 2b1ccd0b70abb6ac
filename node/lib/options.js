'use strict';

const { describe, invalid } = require('./errors.js');

// The numbers by which the native layer knows them.
const POLICY_DEFAULT = 0;
const POLICY_THRESHOLD = 1;
const POLICY_STRONG_SHARE = 2;
const ON_ERROR = { raise: 0, strong: 1, weak: 2 };

const NO_TIMEOUT = 0;

const DEFAULTS = { policy: POLICY_DEFAULT, value: 0, onError: ON_ERROR.raise, timeoutMs: NO_TIMEOUT, read: undefined, signal: undefined };
const NO_OPTIONS = Object.freeze({ ...DEFAULTS });

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

/** The next double above 1: the threshold of a strong share of 0, which sends nothing to strong. */
const SEND_NOTHING = 1 + Number.EPSILON;

function thresholdValue(value) {
  return value === SEND_NOTHING ? value : unit('threshold', value);
}

const READS = ['last_user', 'all_user', 'conversation'];

/** What of a chat is read. */
function checkRead(name, read) {
  if (READS.includes(read)) return read;
  throw invalid(`${name} is ${describe(read)}, expected "last_user", "all_user" or "conversation"`);
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
  const { threshold, strongShare, onError, timeoutMs, read, signal } = options;
  const call = { ...DEFAULTS };
  if (threshold !== undefined && strongShare !== undefined) {
    throw invalid('both threshold and strongShare are given: pass one of them');
  }
  if (threshold !== undefined) {
    call.policy = POLICY_THRESHOLD;
    call.value = thresholdValue(threshold);
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
  if (timeoutMs !== undefined) {
    if (!(typeof timeoutMs === 'number' && timeoutMs > 0)) {
      throw invalid(`timeoutMs is ${describe(timeoutMs)}, expected a positive number of milliseconds`);
    }
    call.timeoutMs = timeoutMs;
  }
  if (read !== undefined) call.read = checkRead('read', read);
  if (signal !== undefined) call.signal = checkSignal(signal);
  return call;
}

/** How many votes an explanation names. */
function voteCount(value) {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw invalid(`k is ${describe(value)}, expected a whole number of votes`);
}

module.exports = { callOptions, checkNames, checkRead, unit, voteCount };
