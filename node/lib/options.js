'use strict';

const native = require('../native.js');
const { describe, invalid } = require('./errors.js');

// The table lives in the Rust core, which checks what values mean: here is only seen to it that they arrive as they are.
const CALL = new Map(native.callOptionTable().map((row) => [row.name, row]));

/** What the native layer takes for an option that is not given. */
const DEFAULTS = {
  threshold: NaN, strongShare: NaN, onError: 0, timeoutMs: NaN, read: undefined, signal: undefined, more: undefined,
};
/** The options that choose among candidates: they cross as JSON, so that the calls of a pair have nothing to carry. */
const MORE = ['costWeight', 'minQuality', 'budget', 'candidates', 'requires', 'inputTokens', 'outputTokens'];
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

/** A number that the core can look at. */
function number(name, value, expected) {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw invalid(`${name} is ${describe(value)}, expected ${expected}`);
}

/** The place of a name among those that an option takes. */
function nameIndex(name, value, { names, expected }) {
  const index = names.indexOf(value);
  if (index >= 0) return index;
  throw invalid(`${name} is ${describe(value)}, expected ${expected}`);
}

/** What of a chat is read. */
function checkRead(name, read) {
  nameIndex(name, read, CALL.get('read'));
  return read;
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
  const call = { ...DEFAULTS };
  let more;
  for (const name of known) {
    const value = options[name];
    if (value === undefined) continue;
    const row = CALL.get(name);
    if (row === undefined) {
      call.signal = checkSignal(value);
    } else if (MORE.includes(name)) {
      more = { ...more, [name]: portable(name, value, row.expected) };
    } else if (name === 'onError' && typeof value === 'string' && !row.names.includes(value) && value.isWellFormed()) {
      // A candidate, which the core knows or refuses.
      more = { ...more, onError: value };
    } else if (row.names.length === 0) {
      call[name] = number(name, value, row.expected);
    } else {
      const index = nameIndex(name, value, row);
      // Chats are read here, by the name.
      call[name] = name === 'read' ? value : index;
    }
  }
  if (more !== undefined) call.more = JSON.stringify(more);
  return call;
}

/** A number, or a list of texts, that JSON carries as it is. */
function portable(name, value, expected) {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (!Array.isArray(value)) throw invalid(`${name} is ${describe(value)}, expected ${expected}`);
  return Array.from(value, (text, i) => {
    if (typeof text === 'string' && text.isWellFormed()) return text;
    throw invalid(`${name}[${i}] is ${describe(text)}, expected a string`);
  });
}

/** How many votes an explanation names. */
function voteCount(value) {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw invalid(`k is ${describe(value)}, expected a whole number of votes`);
}

module.exports = { MORE, callOptions, checkNames, checkRead, checkSignal, number, voteCount };
