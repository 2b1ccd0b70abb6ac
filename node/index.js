'use strict';

const { doctor } = require('./lib/doctor.js');
const { RouteLLMError } = require('./lib/errors.js');
const { gold, judge } = require('./lib/labels.js');
const { promptFromMessages } = require('./lib/prompt.js');
const { ReloadableRouter } = require('./lib/reloadable.js');
const { Router } = require('./lib/router.js');
const { evaluate, train } = require('./lib/train.js');
const { upgradeArtifact } = require('./lib/upgrade.js');
const native = require('./native.js');

exports.Router = Router;
exports.ReloadableRouter = ReloadableRouter;
exports.RouteLLMError = RouteLLMError;
exports.promptFromMessages = promptFromMessages;
exports.train = train;
exports.evaluate = evaluate;
exports.judge = judge;
exports.gold = gold;
exports.upgradeArtifact = upgradeArtifact;
exports.doctor = doctor;
exports.version = native.version();
