'use strict';

const native = require('../native.js');
const { listen, unlisten } = require('./abort.js');
const { RouteLLMError, aborted, describe, fromNative, invalid } = require('./errors.js');
const { checkNames, checkSignal } = require('./options.js');

const asWritten = (message) => message;

function json(spec) {
  if (spec === null || typeof spec !== 'object' || Array.isArray(spec)) {
    throw invalid(`spec is ${describe(spec)}, expected an object`);
  }
  try {
    return JSON.stringify(spec, (_key, value) => {
      // JSON would make null of them, which is as good as absent.
      if (typeof value === 'number' && !Number.isFinite(value)) throw invalid(`spec holds ${value}, which JSON cannot`);
      return value;
    });
  } catch (error) {
    throw error instanceof RouteLLMError ? error : invalid(`spec is not representable as JSON: ${error.message}`);
  }
}

// Work on a specification: `call` is the native half of `name`.
async function specified(name, call, spec, options) {
  checkNames(options, name, ['onProgress', 'signal']);
  return JSON.parse(await watched(json(spec), options, call));
}

const train = (spec, options = {}) => specified('train', native.train, spec, options);

const evaluate = (spec, options = {}) => specified('evaluate', native.evaluate, spec, options);

/** Long work on a specification, which `onProgress` hears of, and which it and `signal` stop. */
async function watched(text, { onProgress, signal }, work) {
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid(`onProgress is ${describe(onProgress)}, expected a function`);
  }
  if (signal !== undefined) checkSignal(signal);
  if (signal?.aborted) throw aborted(signal);
  const cancel = new native.NativeCancel();
  const stop = () => cancel.cancel();
  // What the listener throws stops the work, and is what it rejects with.
  let thrown;
  const tell = onProgress === undefined ? null : (step) => {
    if (thrown !== undefined) return;
    try {
      if (onProgress(step) === false) stop();
    } catch (error) {
      thrown = { error };
      stop();
    }
  };
  if (signal !== undefined) listen(signal, stop);
  try {
    // It ends when the work has: until then an artifact may still take its place.
    const made = await work(text, cancel, tell);
    if (thrown !== undefined) throw thrown.error;
    return made;
  } catch (error) {
    if (thrown !== undefined) throw thrown.error;
    // A specification spells its members as every language does.
    throw signal?.aborted ? aborted(signal) : fromNative(error, asWritten);
  } finally {
    if (signal !== undefined) unlisten(signal, stop);
  }
}

module.exports = { evaluate, json, train, watched };
