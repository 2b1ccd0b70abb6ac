'use strict';

/** Folders from which optional packages are looked for: this package's own, and the one the program runs in. */
function places() {
  try {
    return [__dirname, process.cwd()];
  } catch {
    // The working folder was removed.
    return [__dirname];
  }
}

/** Path of what `require(request)` would load, without loading it; `undefined` if it is not installed. */
function resolve(request) {
  for (const place of places()) {
    try {
      return require.resolve(request, { paths: [place] });
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

module.exports = { places, resolve };
