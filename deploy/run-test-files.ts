import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs the test files with one ending, all of them or those below the named folders, and gives the exit code.
 * Arguments that begin with `--` go to Node's test runner. Ends with the list of what was skipped and why.
 */
export function runTestFiles(ending: string, args: readonly string[]): number {
  const named = args.filter((argument) => !argument.startsWith('--'));
  const options = args.filter((argument) => argument.startsWith('--'));
  const folders = named.length > 0 ? named : ['shared', 'coordinator', 'agent', 'deploy', 'test'];
  const files = folders
    .flatMap((folder) => testFilesOf(folder, ending))
    .filter((path) => !path.includes('node_modules'));
  if (files.length === 0) {
    process.stderr.write(`No test files under ${folders.join(', ')}; these tests are named *${ending}.\n`);
    return 2;
  }
  /** Tests of times need the machine for themselves: they come last, one file at a time. */
  const isAlone = (path: string): boolean => path.includes('test/alone/');
  /** Two at a time: threads of ONNX Runtime spin while they wait, so that a third file slows the others by half. */
  const parallel = files.filter((path) => !isAlone(path));
  const statuses = [runFiles(parallel, 2, options), runFiles(files.filter(isAlone), 1, options)];
  return statuses.find((status) => status !== 0) ?? 0;
}

function runFiles(paths: readonly string[], concurrency: number, options: readonly string[]): number {
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
    { cwd: project, stdio: 'inherit', env: testEnvironment() },
  );
  return run.status ?? 1;
}

/** Tests start hundreds of processes: with compiled code at hand each takes half the time. */
function testEnvironment(): NodeJS.ProcessEnv {
  const compiled = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
  return { ...process.env, ORT_DISABLE_TELEMETRY: '1', NODE_COMPILE_CACHE: compiled };
}

function testFilesOf(path: string, ending: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return [path];
  return globSync(`${path}/**/*${ending}`, { cwd: project });
}
