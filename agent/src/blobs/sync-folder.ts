import { open } from 'node:fs/promises';

/** Makes the names in a folder durable: a rename is on the disk only after this. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
