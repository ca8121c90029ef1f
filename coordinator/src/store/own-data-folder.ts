import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { writeDurably } from '../pki/write-durably.ts';
import { databaseName } from './database-name.ts';
import { tryLock } from './try-lock.ts';

/** Says that this process alone owns a data folder, for as long as it lives. */
export interface Ownership extends AsyncDisposable {
  /** Writes down where the owner can be reached, for the message that a second one gets. */
  announce(url: string): Promise<void>;
}

/** Long enough for the kernel to let go of a process that was killed a moment ago. */
const patienceMs = 250;
const pauseMs = 25;

/** On macOS flock and the locks of SQLite exclude each other on one file; there the folder's has to do. */
const locksDatabase = process.platform === 'linux';

/**
 * Takes the data folder; throws `configuration` (exit 78) naming the owner where another process, or another store of
 * this one, has it. The folder itself is locked, so that no file can be deleted to let a second owner in.
 */
export async function ownDataFolder(dataDir: string): Promise<Ownership> {
  await using taken = new AsyncDisposableStack();
  taken.use(await lockPatiently(dataDir, dataDir));
  const cardPath = join(dataDir, 'owner.json');
  const announce = (url: string): Promise<void> =>
    writeDurably(cardPath, JSON.stringify({ pid: process.pid, host: hostname(), url }), 0o600);
  await announce('');
  taken.defer(() => rm(cardPath, { force: true }));
  const held = taken.move();
  return { announce, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/**
 * Locks the database's file too, which a link may bring into a second folder. The lock is to be released after SQLite
 * has closed the file: a process loses all of SQLite's locks on a file with the first descriptor of it that it closes.
 */
export async function ownDatabase(dataDir: string): Promise<Disposable | undefined> {
  return locksDatabase ? lockPatiently(join(dataDir, databaseName), dataDir) : undefined;
}

async function lockPatiently(path: string, dataDir: string): Promise<Disposable> {
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const lock = await tryLock(path);
    if (lock) return lock;
    if (waitedMs >= patienceMs) break;
    await sleep(pauseMs);
  }
  throw new QfleetError('configuration', describeOwner(dataDir), {
    hint: 'Stop that coordinator, or choose another folder with --data.',
  });
}

function describeOwner(dataDir: string): string {
  const { pid, host, url } = readCard(dataDir);
  const words = `${pid === undefined ? '' : ` with pid ${pid} on ${host}`}${url ? ` (${url})` : ''}`;
  return `The coordinator${words} owns ${dataDir}; expected no other.`;
}

function readCard(dataDir: string): { pid?: number; host?: string; url?: string } {
  try {
    const card: unknown = JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8'));
    return typeof card === 'object' && card !== null ? card : {};
  } catch {
    return {};
  }
}
