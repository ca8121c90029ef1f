import { renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { checkDatabase } from './check-database.ts';
import { checkDatabaseFile } from './check-database-file.ts';
import { checkSchema } from './check-schema.ts';
import { damagedDatabase } from './damaged-database.ts';
import { createSqliteClock, type DatabaseClock } from './database-clock.ts';
import { checkLineage, markClosed, markOpened, refuseLostDatabase } from './database-generation.ts';
import { databaseName } from './database-name.ts';
import { explainSqliteFailure } from './explain-sqlite-failure.ts';
import { migrate } from './migrate.ts';
import { openDataFolder } from './open-data-folder.ts';
import { ownDatabase, ownDataFolder } from './own-data-folder.ts';
import { SqlStore } from './sql-store.ts';
import { adaptSqlite, openSqlite } from './sqlite-database.ts';
import type { Store } from './store.ts';

/** A store that this process alone owns. */
export interface OwnedStore extends Store {
  /** Tells whoever tries to own it too where the owner can be reached. */
  announce(url: string): Promise<void>;
  /** What the user should know of the data folder: a log that is missing, a database that is older than the last one. */
  readonly notices: readonly string[];
  /** Whether the database that is open is the file in the data folder: nothing is kept where somebody removed it. */
  hasFile(): boolean;
}

/**
 * Opens the store of a data folder (made where it is missing, mode 0700) as its only owner, looks for damage, brings the
 * schema up to date and queues again the tasks that were running when the last owner ended. Throws `configuration`
 * (exit 78), naming the file and the way back, where another process owns the folder, others may write to it, the
 * database is damaged, or a newer qfleet wrote it.
 */
export async function openStore(
  dataDir: string,
  options: { readonly clock?: DatabaseClock } = {},
): Promise<OwnedStore> {
  const clock = options.clock ?? createSqliteClock();
  const notices = openDataFolder(dataDir);
  await using parts = new AsyncDisposableStack();
  const ownership = parts.use(await ownDataFolder(dataDir));
  const path = join(dataDir, databaseName);
  if (!checkDatabaseFile(path)) createDatabase(dataDir, path);
  parts.use(await ownDatabase(dataDir));
  notices.push(...checkLineage(dataDir));
  const database = openChecked(path, notices);
  const db = adaptSqlite(database);
  parts.defer(() => db.destroy());
  const store = new SqlStore(db, clock);
  try {
    checkSchema(database, path);
    await markOpened(database, dataDir);
    await migrate(db, clock, { bytes: 'blob' });
    await store.requeueRunningTasks();
  } catch (thrown) {
    throw explainSqliteFailure(thrown, path);
  }
  const opened = statSync(path);
  const rest = parts.move();
  return Object.assign(store, {
    announce: ownership.announce,
    notices,
    hasFile: () => isSameFile(opened, statSync(path, { throwIfNoEntry: false })),
    [Symbol.asyncDispose]: async () => {
      if (!(await store.close())) return;
      if (database.isOpen) await markClosed(database, dataDir);
      await rest.disposeAsync();
    },
  });
}

function isSameFile(a: Stats, b: Stats | undefined): boolean {
  return b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

/** Under its name there is never less than a whole header: an empty file has lost its content. */
function createDatabase(dataDir: string, path: string): void {
  refuseLostDatabase(dataDir);
  const unfinished = `${path}.new`;
  for (const ending of ['', '-wal', '-shm']) rmSync(`${unfinished}${ending}`, { force: true });
  openSqlite(unfinished).close();
  renameSync(unfinished, path);
}

function openChecked(path: string, notices: string[]): DatabaseSync {
  const database = openOrExplain(path);
  const { problems, changedResults, isPartial } = checkDatabase(database, { isBounded: true });
  if (problems.length > 0) {
    database.close();
    throw damagedDatabase(path, `is damaged: ${problems.join('; ')}`);
  }
  if (changedResults > 0)
    notices.push(`${changedResults} stored results are damaged; reports leave them out (${path}).`);
  if (isPartial)
    notices.push(`${path} is large: only its small tables were checked. All of it: ./qfleet doctor`);
  return database;
}

function openOrExplain(path: string): DatabaseSync {
  try {
    return openSqlite(path);
  } catch (thrown) {
    throw explainSqliteFailure(thrown, path);
  }
}
