'use strict';

const { fileURLToPath } = require('node:url');
const { camel, describe, invalid, snake } = require('./errors.js');
const { checkNames } = require('./options.js');
const native = require('../native.js');

// The table lives in the Rust core, which checks every value: here is only seen to it that they arrive as they are.
const OPEN = new Map(native.openOptionTable().map(({ name, expected }) => [name, expected]));
const NAMES = [...OPEN.keys()];

/** A path, also given as a `file:` URL. */
function pathText(name, value) {
  if (value instanceof URL) {
    if (value.protocol !== 'file:') throw invalid(`${name} is ${value.href}, expected a path or a file: URL`);
    return fileURLToPath(value);
  }
  if (typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0')) return value;
  throw invalid(`${name} is ${describe(value)}, expected a path or a file: URL`);
}

/** A value that JSON carries as it is; members of objects get the names that the core has for them. */
function portable(name, value, expected) {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      if (value.isWellFormed()) return value;
      break;
    case 'number':
      // A larger whole number may have been another one.
      if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
      break;
    case 'object':
      if (value === null) break;
      if (Array.isArray(value)) {
        return Array.from(value, (element, i) => portable(`${name}[${i}]`, element, 'the text or the id of a token'));
      }
      return name === 'names' ? portableNames(value) : portableObject(name, value);
    default:
  }
  throw invalid(`${name} is ${describe(value)}, expected ${expected}`);
}

/** Names of candidates are nobody's to spell otherwise. */
function portableNames(value) {
  const names = Object.entries(value).filter(([, own]) => own !== undefined);
  return Object.fromEntries(names.map(([of, own]) => {
    if (!of.isWellFormed()) throw invalid(`names has ${describe(of)}, expected a model's name`);
    return [of, portable(`names[${JSON.stringify(of)}]`, own, 'a string')];
  }));
}

function portableObject(name, value) {
  const members = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (Object.hasOwn(members, snake(key))) throw invalid(`${name} has ${camel(key)} twice`);
    members[snake(key)] = portable(`${name}.${key}`, member, 'a text, a finite number, true or false');
  }
  return members;
}

/** The options of opening a router as JSON for the native layer. */
function openOptions(options, method) {
  if (options === undefined) return '{}';
  checkNames(options, method, NAMES);
  const open = {};
  for (const [name, expected] of OPEN) {
    const value = options[name];
    if (value === undefined) continue;
    open[name] = value instanceof URL ? pathText(name, value) : portable(name, value, expected);
  }
  return JSON.stringify(open);
}

module.exports = { openOptions, pathText };
