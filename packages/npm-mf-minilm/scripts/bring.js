'use strict';

// Brings the artifact into the package while it is packed: git holds its files once, in `artifacts/`.

const { copyFileSync, mkdirSync, readFileSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = join(__dirname, '..');
const source = join(root, '..', '..', 'artifacts', 'mf-minilm');
const target = join(root, 'artifact');
const notices = ['LICENSE', 'NOTICE'];

rmSync(target, { recursive: true, force: true });
for (const name of notices) rmSync(join(root, name), { force: true });

if (!process.argv.includes('--remove')) {
  const { files } = JSON.parse(readFileSync(join(source, 'router.json'), 'utf8'));
  for (const name of ['router.json', ...files.map((file) => file.path ?? file.name)]) {
    mkdirSync(dirname(join(target, name)), { recursive: true });
    copyFileSync(join(source, name), join(target, name));
  }
  for (const name of notices) copyFileSync(join(source, name), join(root, name));
}
