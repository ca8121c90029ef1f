import { ownDataFolder } from '../store/own-data-folder.ts';
import { type Backup, type BackupOrder, createBackup } from './create-backup.ts';

/** As `createBackup`, without a coordinator: the data folder is owned meanwhile, so that none starts. Throws `configuration` where one is there. */
export async function backUpAtRest(order: BackupOrder): Promise<Backup> {
  await using _owned = await ownDataFolder(order.dataDir);
  return await createBackup(order);
}
