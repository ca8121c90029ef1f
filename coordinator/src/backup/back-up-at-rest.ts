import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { checkDatabaseFile } from '../store/check-database-file.ts';
import { checkLineage } from '../store/database-generation.ts';
import { databaseName } from '../store/database-name.ts';
import { ownDataFolder } from '../store/own-data-folder.ts';
import { type Backup, type BackupOrder, createBackup } from './create-backup.ts';

/**
 * As `createBackup`, without a coordinator: the data folder is owned meanwhile, so that none starts. Throws `not-found`
 * where there is no database, `configuration` where a coordinator is at work or the database or its log is damaged.
 */
export async function backUpAtRest(order: BackupOrder): Promise<Backup> {
  requireFolder(order.dataDir);
  await using _owned = await ownDataFolder(order.dataDir);
  // Not in a coordinator: it would lose SQLite's locks on the file.
  if (checkDatabaseFile(join(order.dataDir, databaseName))) checkLineage(order.dataDir);
  return await createBackup(order);
}

function requireFolder(dataDir: string): void {
  if (existsSync(dataDir)) return;
  throw new QfleetError('not-found', `There is no data folder ${dataDir} to back up.`, {
    hint: 'Name it with --data.',
  });
}
