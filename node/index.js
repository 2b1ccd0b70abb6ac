'use strict';

const { RouteLLMError } = require('./lib/errors.js');
const { promptFromMessages } = require('./lib/prompt.js');
const { Router } = require('./lib/router.js');
const { upgradeArtifact } = require('./lib/upgrade.js');
const native = require('./native.js');

exports.Router = Router;
exports.RouteLLMError = RouteLLMError;
exports.promptFromMessages = promptFromMessages;
exports.upgradeArtifact = upgradeArtifact;
exports.version = native.version();
