import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { writeDurably } from '../pki/write-durably.ts';
import { databaseName } from './database-name.ts';
import { readLog } from './read-log.ts';

/**
 * A database counts how often it was opened and closed, in SQLite's `user_version`: odd while an owner has it open, even
 * when it was closed in order or is a backup, 0 before anybody counted. `database.json` next to it has the same
 * number. So a start notices a copy without its log, a log that is another database's, and an older database.
 */
const versionOffset = 60;

/** Of the main file, without its log; 0 where there is no file. */
export function readGeneration(path: string): number {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(4);
    readSync(descriptor, bytes, 0, 4, versionOffset);
    return bytes.readUInt32BE(0);
  } finally {
    closeSync(descriptor);
  }
}

/** Refuses a folder whose database is gone; throws `configuration`. */
export function refuseLostDatabase(dataDir: string): void {
  const known = readCard(dataDir);
  if (known === undefined) return;
  const path = join(dataDir, databaseName);
  throw new QfleetError(
    'configuration',
    `There is no ${path}, but ${cardPath(dataDir)} says that there was one.`,
    {
      hint: `Restore it from a backup (README, "Backup and restore"), or delete ${cardPath(dataDir)} to begin with an empty one.`,
    },
  );
}

/**
 * Compares a database with its log and with what the folder knows of it; returns what the user should know. Throws
 * `configuration` where the log is damaged or belongs to another database: SQLite would replay it, or drop what it
 * holds, without a word.
 */
export function checkLineage(dataDir: string): string[] {
  const path = join(dataDir, databaseName);
  const generation = readGeneration(path);
  const log = readLog(`${path}-wal`);
  if (log) checkLog(path, generation, log);
  const notices: string[] = [];
  if (!log && generation % 2 === 1) {
    notices.push(
      `${path} was not closed in order and there is no ${databaseName}-wal: if the file was copied without it, the last runs and results are missing. Copy both, or make backups with ./qfleet backup.`,
    );
  }
  const known = readCard(dataDir);
  if (known !== undefined && generation < known && !log) {
    notices.push(
      `${path} is older than the one that was here last: runs and results since then are missing.`,
    );
  }
  return notices;
}

/** Counts an owner's start. The number is in the main file afterwards, not in the log alone, where nobody reads meanwhile. */
export async function markOpened(database: DatabaseSync, dataDir: string): Promise<void> {
  const generation = userVersion(database);
  await mark(database, dataDir, generation % 2 === 1 ? generation + 2 : generation + 1);
}

/** Counts an orderly end: the last change before the database is closed. */
export async function markClosed(database: DatabaseSync, dataDir: string): Promise<void> {
  await mark(database, dataDir, userVersion(database) + 1);
}

/** A copy counts as closed, and as older than whatever its original becomes. */
export function markBackup(database: DatabaseSync): void {
  const generation = userVersion(database);
  database.exec(`pragma user_version = ${generation % 2 === 1 ? generation - 1 : generation}`);
}

async function mark(database: DatabaseSync, dataDir: string, generation: number): Promise<void> {
  database.exec('pragma wal_checkpoint(truncate)');
  database.exec(`pragma user_version = ${generation}`);
  database.exec('pragma wal_checkpoint(truncate)');
  await writeDurably(cardPath(dataDir), `${JSON.stringify({ generation })}\n`, 0o600);
}

function userVersion(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version']);
}

function checkLog(path: string, generation: number, log: NonNullable<ReturnType<typeof readLog>>): void {
  const logPath = `${path}-wal`;
  const hint = `Keep a copy of both files, then restore ${databaseName} from a backup (README, "Backup and restore"); or move ${logPath} away to go on without what it holds.`;
  if (!log.hasHeader || log.commitsBehindDamage > 1) {
    const what = log.hasHeader
      ? `is damaged after ${log.frames} pages`
      : 'is damaged from its first bytes on';
    throw new QfleetError(
      'configuration',
      `The database's log ${logPath} ${what}: results that were acknowledged would be lost.`,
      { hint },
    );
  }
  const isOwn = log.versions.has(generation) || log.versions.has(generation + 1);
  if (generation === 0 || generation % 2 === 1 || log.frames === 0 || isOwn) return;
  throw new QfleetError(
    'configuration',
    `${logPath} belongs to another database than ${path}: that one was closed in order, or is a backup.`,
    { hint: `Move ${logPath} away; it was left by the database that was here before.` },
  );
}

function cardPath(dataDir: string): string {
  return join(dataDir, 'database.json');
}

/** Nothing depends on it but notices: where it cannot be read, nothing is known. */
function readCard(dataDir: string): number | undefined {
  try {
    const { generation } = JSON.parse(readFileSync(cardPath(dataDir), 'utf8')) as { generation?: unknown };
    return typeof generation === 'number' ? generation : undefined;
  } catch {
    return undefined;
  }
}
