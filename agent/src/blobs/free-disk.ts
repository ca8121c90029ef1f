import { statfs } from 'node:fs/promises';

/**
 * Bytes that an ordinary user may still write to the file system of a folder; undefined where the system does not say,
 * as of a folder that is gone, or a disk that was pulled. Whoever asks goes on without: a write says what is wrong.
 */
export async function freeDiskBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
