'use strict';

const { RouteLLMError } = require('./lib/errors.js');
const { promptFromMessages } = require('./lib/prompt.js');
const { Router } = require('./lib/router.js');
const native = require('./native.js');

exports.Router = Router;
exports.RouteLLMError = RouteLLMError;
exports.promptFromMessages = promptFromMessages;
exports.version = native.version();
