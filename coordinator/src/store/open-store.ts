import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DatabaseClock, sqliteClock } from './database-clock.ts';
import { migrate } from './migrate.ts';
import { acquireOwnerLock } from './owner-lock.ts';
import { SqlStore } from './sql-store.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import type { Store } from './store.ts';

/** A store that this process alone owns. */
export interface OwnedStore extends Store {
  /** Tells whoever tries to own it too where the owner can be reached. */
  announce(url: string): void;
}

/**
 * Opens the store of a data folder (made where it is missing, mode 0700) as its only owner, brings the
 * schema up to date and queues again the tasks that were running when the last owner ended. Throws
 * `configuration` (exit 78) where another process owns the folder, or a newer qfleet wrote it.
 */
export async function openStore(
  dataDir: string,
  options: { readonly clock?: DatabaseClock } = {},
): Promise<OwnedStore> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = acquireOwnerLock(dataDir);
  const clock = options.clock ?? sqliteClock;
  try {
    const database = openSqliteDatabase(join(dataDir, 'qfleet.db'));
    await migrate(database, clock, { bytes: 'blob' });
    const store = new SqlStore(database, clock);
    await store.requeueRunningTasks();
    const close = store[Symbol.asyncDispose].bind(store);
    return Object.assign(store, {
      announce: lock.announce,
      [Symbol.asyncDispose]: async () => {
        await close();
        lock.release();
      },
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}
