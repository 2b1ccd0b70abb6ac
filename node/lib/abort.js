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
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([call(cancel), abort]);
  } catch (error) {
    throw signal.aborted ? aborted(signal) : fromNative(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

module.exports = { abortable, inPlace };
