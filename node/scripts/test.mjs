// Runs every test of this package, and closes with one line: `node: N passed, N failed, N skipped`.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(folder, '..', 'target', 'node');
const report = join(output, 'tests.tap');
mkdirSync(output, { recursive: true });
const tests = readdirSync(join(folder, 'test')).filter((name) => /\.test\.m?js$/.test(name)).sort();

const run = spawnSync(
  process.execPath,
  [
    '--expose-gc', '--test',
    '--test-reporter=spec', '--test-reporter-destination=stdout',
    '--test-reporter=tap', `--test-reporter-destination=${report}`,
    ...tests.map((name) => join('test', name)),
  ],
  { cwd: folder, stdio: 'inherit' },
);

const tap = readFileSync(report, 'utf8');
const number = (name) => Number(tap.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1] ?? 0);
const failed = number('fail') + number('cancelled');
console.log(`node: ${number('pass')} passed, ${failed} failed, ${number('skipped')} skipped`);
process.exitCode = run.status !== 0 || failed > 0 || number('pass') === 0 ? 1 : 0;
