import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@qfleet/shared/random.ts';
import { openStore } from './open-store.ts';
import { addExampleDevices, exampleResult, exampleRun } from './store-fixtures.ts';
import { testStore } from './store-suite.ts';

const fixture = fileURLToPath(new URL('./commit-loop.fixture.ts', import.meta.url));

testStore('SQLite', (clock) => openStore(makeFolder(), { clock }));

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test('what was acknowledged is stored after the process was killed, time and again', async () => {
  const folder = makeFolder();
  const random = createRandom(7);
  const acknowledged = new Set<string>();
  for (let kill = 0; kill < 6; kill++) {
    await commitUntilKilled(folder, 1 + random.below(60), acknowledged);
    await using store = await openStore(folder);
    const runs = await store.listRuns();
    const stored = (await Promise.all(runs.map((run) => store.listResults(run.id)))).flat();
    const committed = stored.filter((result) => result.state === 'committed');
    for (const digest of acknowledged) {
      assert.ok(
        committed.some((result) => result.digest === digest),
        `kill ${kill}: ${digest} was lost`,
      );
    }
    assert.equal(new Set(committed.map((result) => result.jobId)).size, committed.length);
  }
  assert.ok(acknowledged.size >= 6);
});

test('a second owner of a data folder is refused with the name of the first', async () => {
  const folder = makeFolder();
  const first = await openStore(folder);
  await first.announce('http://127.0.0.1:7080');
  await assert.rejects(openStore(folder), (error: Error & { code: string; hint: string }) => {
    assert.equal(error.code, 'configuration');
    assert.match(error.message, new RegExp(`pid ${process.pid} .*http://127.0.0.1:7080.* owns ${folder}`));
    assert.match(error.hint, /--data/);
    return true;
  });
  await first[Symbol.asyncDispose]();
  await using again = await openStore(folder);
  assert.deepEqual(await again.listRuns(), []);
});

test('a folder owned by another process is refused until that process is gone', async () => {
  const folder = makeFolder();
  const child = spawn(process.execPath, [fixture, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(createInterface({ input: child.stdout }), 'line');
  await assert.rejects(openStore(folder), { code: 'configuration' });
  child.kill('SIGKILL');
  await once(child, 'close');
  await using store = await openStore(folder);
  assert.equal((await store.listRuns()).length, 1);
});

test('tasks that ran when the last owner ended are queued again', async () => {
  const folder = makeFolder();
  {
    await using store = await openStore(folder);
    await store.addTask({ id: 't', kind: 'quantize', params: {} });
    await store.updateTask('t', { state: 'running', progress: { step: 'half-way', fraction: 0.5 } });
  }
  await using store = await openStore(folder);
  assert.equal((await store.findTask('t'))?.state, 'queued');
});

test('a database of a newer qfleet is refused, not damaged', async () => {
  const folder = makeFolder();
  await (await openStore(folder))[Symbol.asyncDispose]();
  const raw = new DatabaseSync(join(folder, 'qfleet.db'));
  raw.exec("insert into migrations values ('9999-from-the-future', 0)");
  raw.close();
  await assert.rejects(openStore(folder), { code: 'configuration', message: /9999-from-the-future/ });
});

test('the database itself refuses a second committed result of a job', async () => {
  const folder = makeFolder();
  {
    await using store = await openStore(folder);
    await addExampleDevices(store, { d1: 'b' });
    await store.createRun(exampleRun('r', ['d1'], 1));
    const job = await store.leaseNextJob('d1', 1000);
    await store.commitResult(exampleResult({ jobId: job!.id, deviceId: 'd1', fence: 1 }));
  }
  const raw = new DatabaseSync(join(folder, 'qfleet.db'));
  const copy =
    "insert into results select 'another', job_id, run_id, device_id, fence, state, received_at_ms, bytes, signature from results";
  assert.throws(() => raw.exec(copy), /UNIQUE constraint failed: results.job_id/);
  raw.close();
});

test('leases follow the database clock of SQLite to the millisecond', async () => {
  await using store = await openStore(makeFolder());
  await addExampleDevices(store, { d1: 'b' });
  await store.createRun(exampleRun('r', ['d1'], 1));
  const before = Date.now();
  const job = await store.leaseNextJob('d1', 90_000);
  const leasedAtMs = job!.leaseUntilMs - 90_000;
  assert.ok(leasedAtMs >= before - 1 && leasedAtMs <= Date.now() + 1);
});

test('a store closes when the transaction that was going on has ended, and takes no more', async () => {
  const folder = makeFolder();
  const store = await openStore(folder);
  await addExampleDevices(store, { d1: 'b' });
  const creating = Array.from({ length: 3 }, (_, index) =>
    store.createRun(exampleRun(`r${index}`, ['d1'], 3000)).then(
      () => 'created',
      (error: { code: string }) => error.code,
    ),
  );
  await new Promise((resolve) => setImmediate(resolve));
  const [, ...answers] = await Promise.all([store[Symbol.asyncDispose](), ...creating]);
  assert.deepEqual(answers, ['created', 'unavailable', 'unavailable']);
  await using again = await openStore(folder);
  assert.deepEqual(again.notices, []);
  assert.equal((await again.listJobs('r0')).length, 3000);
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-store-'));
  folders.push(folder);
  return folder;
}

/** Runs the commit loop on a folder and kills it after so many acknowledgements; adds all that were given. */
async function commitUntilKilled(folder: string, count: number, acknowledged: Set<string>): Promise<void> {
  const child = spawn(process.execPath, [fixture, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const digest = /^A ([0-9a-f]{64})$/.exec(line)?.[1];
    if (!digest) continue;
    acknowledged.add(digest);
    if (++seen === count) child.kill('SIGKILL');
  }
  assert.ok(seen >= count);
}
