import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { explainSqliteFailure, isSqliteBusy } from './explain-sqlite-failure.ts';

/** Says that this process owns a data folder, for as long as it lives. */
export interface OwnerLock {
  /** Writes down where the owner can be reached, for the message that a second one gets. */
  announce(url: string): void;
  release(): void;
}

/** Long enough for the kernel to let go of a process that was killed a moment ago. */
const patienceMs = 250;

/**
 * Takes the lock of a data folder; throws `configuration` (exit 78) naming the owner where another process,
 * or another store of this one, has it. It is a SQLite file held under BEGIN EXCLUSIVE: a file lock of the
 * kernel's, which dies with the process, however that dies.
 */
export function acquireOwnerLock(dataDir: string): OwnerLock {
  const database = new DatabaseSync(join(dataDir, 'owner.lock'));
  try {
    database.exec(`pragma busy_timeout = ${patienceMs}`);
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    if (!isSqliteBusy(cause)) throw explainSqliteFailure(cause);
    throw new QfleetError('configuration', describeOwner(dataDir), {
      hint: 'Stop that coordinator, or choose another folder with --data.',
      cause,
    });
  }
  const cardPath = join(dataDir, 'owner.json');
  const announce = (url: string): void =>
    writeFileSync(cardPath, JSON.stringify({ pid: process.pid, host: hostname(), url }), { mode: 0o600 });
  announce('');
  return {
    announce,
    release: () => {
      if (!database.isOpen) return;
      rmSync(cardPath, { force: true });
      database.close();
    },
  };
}

function describeOwner(dataDir: string): string {
  const card = readCard(dataDir);
  const url = card.url ? ` (${card.url})` : '';
  const pid = card.pid === undefined ? '' : ` with pid ${card.pid} on ${card.host}`;
  return `The coordinator${pid}${url} owns ${dataDir}; expected no other.`;
}

function readCard(dataDir: string): { pid?: number; host?: string; url?: string } {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8')) as { pid: number };
  } catch {
    return {};
  }
}
