'use strict';

const native = require('../native.js');
const { fromNative } = require('./errors.js');
const { pathText } = require('./open-options.js');

function upgradeArtifact(path) {
  const folder = pathText('path', path);
  try {
    return native.upgradeArtifact(folder);
  } catch (error) {
    throw fromNative(error);
  }
}

module.exports = { upgradeArtifact };
