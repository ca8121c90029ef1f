import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** SQLITE_BUSY: another process holds the lock. */
const busy = 5;

/**
 * Holds a file of the temporary folder, for systems without abstract sockets: by SQLite's exclusive lock, which is the
 * kernel's (fcntl) and ends with the process, so that nothing stale has to be recognised. The file stays. Undefined
 * where another process, or another caller in this one, holds it.
 */
export async function tryLockFile(name: string): Promise<AsyncDisposable | undefined> {
  // Loaded here, since a running agent on Linux never needs it.
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(join(tmpdir(), `${name}.lock`), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    database.close();
    if ((thrown as { errcode?: number }).errcode === busy) return undefined;
    throw thrown;
  }
  return { [Symbol.asyncDispose]: async () => database.close() };
}
