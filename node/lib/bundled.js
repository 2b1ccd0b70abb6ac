'use strict';

const { RouteLLMError, describe, invalid } = require('./errors.js');
const { places, resolve } = require('./resolve.js');

/** Routers that are packages of their own. */
const PACKAGES = { 'mf-minilm': 'routellm-mf-minilm' };

/** The folder of a bundled router; `undefined` for the one that is compiled in. */
function bundledPath(name) {
  if (typeof name !== 'string') throw invalid(`name is ${describe(name)}, expected a string`);
  if (name === 'default') return undefined;
  if (!Object.hasOwn(PACKAGES, name)) {
    const known = ['default', ...Object.keys(PACKAGES)].join(', ');
    throw new RouteLLMError('NotFound', `no bundled router is called ${describe(name)}; there are: ${known}`);
  }
  const entry = resolve(PACKAGES[name]);
  if (entry === undefined) {
    throw new RouteLLMError(
      'NotFound',
      `the router ${name} is the npm package ${PACKAGES[name]}, which is not installed for `
        + `${places().join(' or ')}: npm install ${PACKAGES[name]}`,
    );
  }
  return require(entry).path;
}

module.exports = { bundledPath };
