import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Gives a finished file its final name, durably: content synced, mode 0440, renamed within the file system,
 * then the folder synced (and its own folder, where it had to be made). Before the rename nothing exists
 * under the final name, after it the whole file does.
 */
export async function publishFile(temporary: string, path: string): Promise<void> {
  const file = await open(temporary, 'r+');
  try {
    await file.chmod(0o440);
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(temporary, path);
  await syncFolder(folder);
  if (made) await syncFolder(dirname(folder));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
