/**
 * `npm test`: every test of the project, or those named: `npm test -- shared test/fleet.test.ts`.
 * Ends with the list of what was skipped and why.
 */
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const places = named.length > 0 ? named : ['shared', 'coordinator', 'agent', 'deploy', 'test'];
const files = places.flatMap(testFilesOf).filter((path) => !path.includes('node_modules'));
if (files.length === 0) {
  process.stderr.write(`No test files under ${places.join(', ')}; tests are named *.test.ts.\n`);
  process.exit(2);
}

/** Tests start hundreds of processes: with compiled code at hand each takes half the time. */
const env = {
  ...process.env,
  ORT_DISABLE_TELEMETRY: '1',
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)),
};

/** Tests of times need the machine for themselves: they come last, one file at a time. */
const isAlone = (path: string): boolean => path.includes('test/alone/');
/** Two at a time: threads of ONNX Runtime spin while they wait, so that a third file slows the others by half. */
const failures = [
  runFiles(
    files.filter((path) => !isAlone(path)),
    2,
  ),
  runFiles(files.filter(isAlone), 1),
].filter((status) => status !== 0);
process.exit(failures[0] ?? 0);

function runFiles(paths: readonly string[], concurrency: number): number {
  if (paths.length === 0) return 0;
  const run = spawnSync(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=600000',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./deploy/skipped-tests-reporter.ts',
      '--test-reporter-destination=stdout',
      ...options,
      ...paths.toSorted(),
    ],
    { cwd: project, stdio: 'inherit', env },
  );
  return run.status ?? 1;
}

function testFilesOf(place: string): string[] {
  if (statSync(place, { throwIfNoEntry: false })?.isFile()) return [place];
  return globSync(`${place}/**/*.test.ts`, { cwd: project });
}
