'use strict';

// Brings the program and the licence into the package while it is packed.

const { chmodSync, copyFileSync, mkdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const repository = join(root, '..', '..');
const built = join(process.env.CARGO_TARGET_DIR ?? join(repository, 'target'), 'release', 'routellm');

rmSync(join(root, 'native'), { recursive: true, force: true });
rmSync(join(root, 'LICENSE'), { force: true });

if (!process.argv.includes('--remove')) {
  mkdirSync(join(root, 'native'));
  copyFileSync(built, join(root, 'native', 'routellm'));
  chmodSync(join(root, 'native', 'routellm'), 0o755);
  copyFileSync(join(repository, 'LICENSE'), join(root, 'LICENSE'));
}
