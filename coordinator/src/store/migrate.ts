import { type Kysely, sql } from 'kysely';
import type { DatabaseClock } from './database-clock.ts';
import { initial } from './migrations/0001-initial.ts';
import { imports } from './migrations/0002-imports.ts';
import { blobsOfResults } from './migrations/0003-blobs-of-results.ts';
import { largeFleets } from './migrations/0004-large-fleets.ts';
import { identities } from './migrations/0005-identities.ts';
import { certificates } from './migrations/0006-certificates.ts';
import type { ColumnTypes, Migration } from './migrations/migration.ts';
import type { Database } from './schema.ts';

/** In order; a released one never changes. */
const migrations: readonly Migration[] = [
  initial,
  imports,
  blobsOfResults,
  largeFleets,
  identities,
  certificates,
];

/** Their names, as a database records them. */
export const knownMigrations: ReadonlySet<string> = new Set(migrations.map(({ name }) => name));

/**
 * Brings the schema up to date, each step with its record in one transaction (both dialects have
 * transactional DDL), so that a kill half-way leaves nothing half done. Whether a newer qfleet wrote the database is
 * looked at before (`checkSchema`).
 */
export async function migrate(database: Database, clock: DatabaseClock, types: ColumnTypes): Promise<void> {
  const db = database as unknown as Kysely<MigrationSchema>;
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('applied_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  const applied = await db.selectFrom('migrations').select('name').execute();
  const done = new Set(applied.map((row) => row.name));
  for (const migration of migrations) {
    if (done.has(migration.name)) continue;
    await db.transaction().execute(async (trx) => {
      await migration.up(trx as unknown as Kysely<unknown>, types);
      await trx
        .insertInto('migrations')
        .values({ name: migration.name, applied_at_ms: sql<number>`${clock.nowMs()}` })
        .execute();
    });
  }
}

interface MigrationSchema {
  migrations: { name: string; applied_at_ms: number };
}
