import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A lock file in the temporary folder that holds its owner's process id: for systems without abstract sockets.
 * Undefined where a living process holds it; a dead one's is taken over.
 */
export async function tryLockFile(name: string): Promise<AsyncDisposable | undefined> {
  const path = join(tmpdir(), `${name}.lock`);
  if (!(await creates(path)) && !((await isStale(path)) && (await replaces(path)))) return undefined;
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

async function creates(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}

async function replaces(path: string): Promise<boolean> {
  await rm(path, { force: true });
  return creates(path);
}

async function isStale(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => 'gone'));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
