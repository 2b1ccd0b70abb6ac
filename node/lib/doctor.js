'use strict';

const native = require('../native.js');
const { fromNative } = require('./errors.js');
const { diagnosisFromJson } = require('./info.js');
const { announce } = require('./onnxruntime.js');
const { pathText } = require('./open-options.js');

function doctor(artifact) {
  const folder = artifact === undefined || artifact === null ? undefined : pathText('artifact', artifact);
  announce();
  let diagnosis;
  try {
    diagnosis = diagnosisFromJson(native.doctor(folder));
  } catch (error) {
    throw fromNative(error);
  }
  diagnosis.versions.language = `Node.js ${process.version}`;
  return diagnosis;
}

module.exports = { doctor };
