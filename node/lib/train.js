'use strict';

const native = require('../native.js');
const { RouteLLMError, aborted, describe, fromNative, invalid } = require('./errors.js');

function json(spec) {
  if (spec === null || typeof spec !== 'object' || Array.isArray(spec)) {
    throw invalid(`spec is ${describe(spec)}, expected an object`);
  }
  try {
    return JSON.stringify(spec, (_key, value) => {
      // JSON would make null of them, which is as good as absent.
      if (typeof value === 'number' && !Number.isFinite(value)) throw invalid(`spec holds ${value}, which JSON cannot`);
      return value instanceof Uint8Array ? Array.from(value) : value;
    });
  } catch (error) {
    throw error instanceof RouteLLMError ? error : invalid(`spec is not representable as JSON: ${error.message}`);
  }
}

async function train(spec, options = {}) {
  if (options === null || typeof options !== 'object') throw invalid(`options is ${describe(options)}, expected an object`);
  const { onProgress, signal, ...others } = options;
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`unknown option ${describe(other)} of train; known are: onProgress, signal`);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid(`onProgress is ${describe(onProgress)}, expected a function`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid(`signal is ${describe(signal)}, expected an AbortSignal`);
  }
  const text = json(spec);
  if (signal?.aborted) throw aborted(signal);
  const cancel = new native.NativeCancel();
  const stop = () => cancel.cancel();
  // What the listener throws stops the training, and is what it rejects with.
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
  signal?.addEventListener('abort', stop, { once: true });
  try {
    // It ends when the training has: until then the artifact may still take its place.
    const report = await native.train(text, cancel, tell);
    if (thrown !== undefined) throw thrown.error;
    return JSON.parse(report);
  } catch (error) {
    if (thrown !== undefined) throw thrown.error;
    throw signal?.aborted ? aborted(signal) : fromNative(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

module.exports = { train };
