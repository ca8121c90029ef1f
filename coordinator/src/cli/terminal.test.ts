import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { escapeControls } from '@qfleet/shared/terminal/guard-terminal.ts';
import { startTestCoordinator } from '../main/testing/start-test-coordinator.ts';
import { addExampleDevices, exampleModel, exampleRun } from '../store/store-fixtures.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const evil = '\u001b]0;owned\u0007\u009b31m\u202e';

function qfleet(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

test('no command prints a control character of a name, a note, a message or an argument', async () => {
  await using coordinator = await startTestCoordinator();
  const { store } = coordinator.services;
  await addExampleDevices(store, { d1: 'boot' });
  await store.addModel(exampleModel(`m${evil}`));
  const run = exampleRun('run-1', ['d1'], 1);
  await store.createRun({ ...run, record: { ...run.record, name: `r${evil}`, notes: [`note ${evil}`] } });
  const data = ['--data', coordinator.dataDir];
  for (const args of [
    ['run', 'show', 'run-1', ...data],
    ['run', 'ls', '-o', 'json', ...data],
    ['model', 'ls', '-o', 'csv', ...data],
    ['model', 'show', `absent${evil}`, ...data],
    [`command${evil}`],
  ]) {
    const printed = await qfleet(args);
    assert.ok(printed.length > 0);
    assert.equal(printed, escapeControls(printed), args.join(' '));
  }
  assert.match(await qfleet(['run', 'show', 'run-1', ...data]), /r\\u001b\]0;owned/);
});

test('names with control characters are refused at the API', async () => {
  await using coordinator = await startTestCoordinator();
  const headers = { authorization: `Bearer ${coordinator.token}`, 'content-type': 'application/json' };
  const path = '/nowhere';
  for (const [route, body] of [
    ['/v1/models', { path, name: evil }],
    ['/v1/models/m/variants', { path, name: evil }],
    ['/v1/datasets', { path, name: evil }],
    ['/v1/imports', { kind: 'aihub', path, name: evil }],
    ['/v1/runs', { model: 'm', name: evil }],
    ['/v1/devices', { name: evil, outDir: path }],
  ] as const) {
    const sent = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(new URL(route, coordinator.url), sent);
    assert.equal(answer.status, 400, route);
    assert.match(await answer.text(), /name/, route);
  }
});
