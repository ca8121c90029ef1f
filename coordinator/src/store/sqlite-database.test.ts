import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { adaptSqlite, openSqlite } from './sqlite-database.ts';

const sqliteFull = 13;

test('a transaction that finds the disk full says so, and the next one works', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-sqlite-'));
  const database = adaptSqlite(openSqlite(join(folder, 'small.db')));
  try {
    await sql`create table things (bytes blob)`.execute(database);
    await sql`pragma max_page_count = 16`.execute(database);
    const insert = (sizeBytes: number): Promise<unknown> =>
      database
        .transaction()
        .execute((inside) => sql`insert into things values (zeroblob(${sizeBytes}))`.execute(inside));
    // SQLite rolls back by itself here, so that a rollback of ours would fail and hide the reason.
    await assert.rejects(insert(10_000_000), { errcode: sqliteFull });
    await insert(10);
    const { rows } = await sql<{ n: number }>`select count(*) as n from things`.execute(database);
    assert.deepEqual(
      rows.map(({ n }) => n),
      [1],
    );
  } finally {
    await database.destroy();
    rmSync(folder, { recursive: true });
  }
});
