import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { openStore } from './open-store.ts';
import type { Store } from './store.ts';
import { addExampleDevices, exampleHello, exampleResult, exampleRun } from './store-fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'qfleet-plans-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What happens for one device, as often as devices say something. */
const events: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  'it connects': async (store) => {
    await store.findDevice('d1');
    await store.recordHello('d1', exampleHello('boot'));
    await store.extendLease({ jobId: 'r-d1-0', fence: 1, deviceId: 'd1', leaseMs: 1000 });
    await store.abandonLeases({ deviceId: 'd1', held: [], maxCrashes: 2 });
  },
  'it gets a job': async (store) => {
    await store.leaseNextJobs(['d1'], 1000);
    await store.appendEvents([{ subject: 'run:r', kind: 'job.leased', data: {} }]);
  },
  'it works': async (store) => {
    await store.extendLeases([{ jobId: 'r-d1-0', fence: 1, deviceId: 'd1' }], 1000);
    await store.recordProgress([{ jobId: 'r-d1-0', fence: 1, step: 'timing', fraction: 0.5 }]);
    await store.recordLastSeen([{ deviceId: 'd1', atMs: 1 }]);
    await store.blobsOfLeases('d1');
  },
  'its result comes': async (store) => {
    await store.findJob('r-d1-0');
    await store.commitResult(exampleResult({ jobId: 'r-d1-0', deviceId: 'd1', fence: 1 }));
    await store.finishRunIfDone('r');
  },
  'its probe is looked for': (store) => store.latestProbes(['d1']),
  'leases are looked through': (store) => store.expireLeases(2),
  'certificates are looked through': (store) => store.failExpiredDevices(),
};

for (const [what, happen] of Object.entries(events)) {
  test(`${what}: no statement looks at all jobs, results, events or devices`, async () => {
    const path = join(folder, what);
    const statements = new Set<string>();
    const { prepare } = DatabaseSync.prototype;
    DatabaseSync.prototype.prepare = function (sql) {
      statements.add(sql);
      return prepare.call(this, sql);
    };
    try {
      await using store = await openStore(path);
      await addExampleDevices(store, { d1: 'boot', d2: 'boot', d3: 'another' });
      await store.createRun(exampleRun('r', ['d1', 'd2', 'd3'], 2));
      if (what !== 'it gets a job') await store.leaseNextJob('d1', 60_000);
      statements.clear();
      // Statements are kept once prepared, and those of the preparations would not be seen again.
      await using fresh = await reopen(store, path);
      statements.clear();
      await happen(fresh);
    } finally {
      DatabaseSync.prototype.prepare = prepare;
    }
    using database = new DatabaseSync(join(path, 'qfleet.db'));
    for (const sql of statements) {
      if (!/^(select|insert|update|delete)/.test(sql)) continue;
      const plan = database.prepare(`explain query plan ${sql}`).all() as { detail: string }[];
      const scans = plan.filter(({ detail }) =>
        /^SCAN (jobs|busy|results|events|devices|neighbour|runs)\b/.test(detail),
      );
      assert.deepEqual(scans, [], sql);
    }
    assert.ok(statements.size > 0);
  });
}

async function reopen(store: Store, path: string): Promise<Store> {
  await store[Symbol.asyncDispose]();
  return openStore(path);
}
