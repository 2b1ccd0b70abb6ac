'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');

// The package holds its own copy of the artifact; in a checkout the one of the repository is used.
const packed = join(__dirname, 'artifact');
const checkout = join(__dirname, '..', '..', 'artifacts', 'mf-minilm');

/** Folder of the artifact. */
exports.path = existsSync(join(packed, 'router.json')) ? packed : checkout;
