import { QfleetError } from '@qfleet/shared/errors.ts';

/** What to do about a database that cannot be used, wherever that is found. */
export const restoreHint =
  'Keep a copy of the data folder, then put a backup of qfleet.db in its place, without any qfleet.db-wal (README, "Backup and restore").';

/** A `configuration` failure (exit 78) that names the file. */
export function damagedDatabase(path: string, what: string, cause?: unknown): QfleetError {
  return new QfleetError('configuration', `The database ${path} ${what}.`, { hint: restoreHint, cause });
}
