// Builds the addon for this machine and puts it beside `native.js`.
//
// The loader and the declarations that come with it are generated into `target/node`; the committed copies
// are only written with `--write`, and a test compares them.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(folder, '..', 'target', 'node');
const require = createRequire(import.meta.url);
const cli = join(dirname(require.resolve('@napi-rs/cli/package.json')), 'dist', 'cli.js');

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
execFileSync(
  process.execPath,
  [
    cli, 'build', '--platform', '--release',
    '--manifest-path', '../bindings/node/Cargo.toml',
    '--package-json-path', 'package.json',
    '--output-dir', '../target/node',
    '--js', 'native.js', '--dts', 'native.d.ts',
  ],
  { cwd: folder, stdio: 'inherit' },
);

const addon = readdirSync(output).find((name) => name.endsWith('.node'));
// A running process keeps the old file, rather than having its code changed underneath.
rmSync(join(folder, addon), { force: true });
copyFileSync(join(output, addon), join(folder, addon));
if (process.argv.includes('--write')) {
  for (const name of ['native.js', 'native.d.ts']) {
    copyFileSync(join(output, name), join(folder, name));
  }
}
