import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./run-data-tests.ts', import.meta.url));

test('without test data the data suite says in one message what to set, exit 78', () => {
  const env = { ...process.env, QFLEET_TEST_DATA: '/does/not/exist' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' });
  assert.equal(status, 78);
  assert.match(stderr, /^qfleet: no test data at \/does\/not\/exist; set QFLEET_TEST_DATA to the folder/);
  assert.equal(stdout, '', 'no test was started');
});

test('no test of npm test reads the test data', () => {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const files = ['shared', 'coordinator', 'agent', 'deploy', 'test']
    .flatMap((folder) => globSync(`${project}${folder}/**/*.test.ts`))
    .filter((path) => !path.includes('node_modules') && basename(path) !== basename(import.meta.filename));
  assert.ok(files.length > 100);
  const reads = files.filter((path) =>
    /support\/test-data|shared\/data|TEST_DATA/.test(readFileSync(path, 'utf8')),
  );
  assert.deepEqual(reads, []);
});
