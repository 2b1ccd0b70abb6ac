'use strict';

const { getSystemErrorName } = require('node:util');

const native = require('../native.js');

// The table lives in the Rust core; nothing here repeats it.
const rows = native.errorKinds();
const byCode = new Map(rows.map((row) => [row.code, row]));
const byKind = new Map(rows.map((row) => [row.name, row]));

/** Every error of this package, told apart by `code` or `kind`. */
class RouteLLMError extends Error {
  constructor(kind, message, options) {
    super(message, options);
    const row = byKind.get(kind);
    this.code = row.code;
    this.kind = row.name;
    this.errno = row.number;
  }
}

Object.defineProperty(RouteLLMError.prototype, 'name', {
  value: 'RouteLLMError',
  writable: true,
  configurable: true,
});

/** An error about an argument. */
function invalid(message, options) {
  return new RouteLLMError('InvalidArgument', message, options);
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Members of the options that are objects. */
const MEMBERS = ['strong_label', 'context_length', 'max_windows', 'add_generation_prompt'];
const NAMES = [...native.openOptionTable(), ...native.callOptionTable()].map(({ name }) => snake(name)).filter((name) => name.includes('_'));
// Not in a path or a field of a file, as in `scorer.max_tokens`.
const SNAKE = new RegExp(`(?<![\\w./-])(?:${[...NAMES, ...MEMBERS].join('|')})(?![\\w/-]|\\.\\w)`, 'g');

/** A message of the core with the options' names as they are written here; fields of a manifest keep theirs. */
const spelled = (message) => (message.includes('router.json') ? message : message.replace(SNAKE, camel));

/** The error of the native layer as the one that users see, whose names of options `spell` spells. */
function fromNative(error, spell = spelled) {
  const row = byCode.get(error?.code);
  if (row === undefined) {
    // The native layer refused an argument that was checked before: a defect, not the user's mistake.
    return new RouteLLMError('Internal', `a defect of routellm: ${error?.message ?? error}`, { cause: error });
  }
  const { cause } = error;
  for (let link = cause; typeof link === 'object'; link = link.cause) {
    // What caused it comes from another library, and the code that the native layer gives it says nothing.
    delete link.code;
    ofSystem(link);
  }
  return new RouteLLMError(row.name, spell(error.message), cause === undefined ? undefined : { cause });
}

/** Gives an error of the operating system, whose message ends in its number, what Node's own ones have. */
function ofSystem(error) {
  const number = / \(os error (\d+)\)$/.exec(error.message)?.[1];
  if (number === undefined || process.platform === 'win32') return;
  error.errno = -number;
  error.code = getSystemErrorName(-number);
}

/** The rejection of a call whose signal was aborted; `cause` is the signal's reason. */
function aborted(signal) {
  const error = new RouteLLMError('Cancelled', 'the call was aborted', { cause: signal.reason });
  Object.defineProperty(error, 'name', { value: 'AbortError', writable: true, configurable: true });
  return error;
}

/** How a value is named in an error: by its type, and by itself if it is short. */
function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'object') return `an object of class ${value.constructor?.name ?? 'null'}`;
  return `a ${typeof value}`;
}

module.exports = { RouteLLMError, aborted, camel, describe, fromNative, invalid, snake, spelled };
