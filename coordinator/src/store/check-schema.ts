import type { DatabaseSync } from 'node:sqlite';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { damagedDatabase } from './damaged-database.ts';
import { knownMigrations } from './migrate.ts';

/**
 * Whether a SQLite database is one of ours, before anything is written to it. Throws `configuration` naming the file where
 * it is another program's, or where a newer qfleet wrote it.
 */
export function checkSchema(database: DatabaseSync, path: string): void {
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all();
  if (tables.length === 0) return;
  if (!tables.some(({ name }) => name === 'migrations')) {
    throw damagedDatabase(path, 'is a database of another program');
  }
  const applied = database.prepare('select name from migrations order by name').all();
  const unknown = applied.map(({ name }) => String(name)).filter((name) => !knownMigrations.has(name));
  if (unknown.length === 0) return;
  throw new QfleetError(
    'configuration',
    `The database ${path} was written by a newer qfleet (${unknown.join(', ')}).`,
    { hint: 'Install that version again, or choose another folder with --data.' },
  );
}
