import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
