'use strict';

const native = require('../native.js');
const { aborted, fromNative } = require('./errors.js');

/** Makes a call that is over before anybody could abort it. */
function inPlace(signal, call) {
  if (signal?.aborted) throw aborted(signal);
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

// The calls that an abort ends, for each signal that has some: Node warns of a leak at more than ten listeners on one.
const waiting = new WeakMap();

function listen(signal, onAbort) {
  let calls = waiting.get(signal);
  if (calls === undefined) {
    const waits = new Set();
    calls = { waits, all: () => waits.forEach((wait) => wait()) };
    waiting.set(signal, calls);
    signal.addEventListener('abort', calls.all, { once: true });
  }
  calls.waits.add(onAbort);
}

/** The last call takes the listener with it. */
function unlisten(signal, onAbort) {
  const { waits, all } = waiting.get(signal);
  waits.delete(onAbort);
  if (waits.size > 0) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', all);
}

/**
 * Awaits `call(cancel)`, a promise of the native layer. An aborted signal rejects at once and stops the
 * native call as well, so that neither a thread nor ONNX Runtime goes on for nobody, and no place in the queue is kept.
 */
async function abortable(signal, call) {
  if (signal === undefined) {
    try {
      return await call(undefined);
    } catch (error) {
      throw fromNative(error);
    }
  }
  if (signal.aborted) throw aborted(signal);
  const cancel = new native.NativeCancel();
  let onAbort;
  const abort = new Promise((_, reject) => {
    onAbort = () => {
      cancel.cancel();
      reject(aborted(signal));
    };
  });
  listen(signal, onAbort);
  try {
    return await Promise.race([call(cancel), abort]);
  } catch (error) {
    throw signal.aborted ? aborted(signal) : fromNative(error);
  } finally {
    unlisten(signal, onAbort);
  }
}

module.exports = { abortable, inPlace, listen, unlisten };
