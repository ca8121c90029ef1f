/** `npm run check`: format and lint, types, unused code, the wire contract, generated files up to date. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['biome: format, lint, import cycles, directions', 'biome', 'check', '.'],
  ['tsc: types', 'tsc', '-p', '.'],
  ['knip: unused files, exports, dependencies', 'knip', '--no-progress'],
  ['buf: lint of the wire contract', 'buf', 'lint', 'proto'],
  ['generated files are up to date', 'node', 'deploy/generate.ts', '--check'],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const { status } = spawnSync(command, args, { cwd: project, stdio: 'inherit' });
  process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}\n`);
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
