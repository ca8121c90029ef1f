import { once } from 'node:events';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Digest, digestFile, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { blobPath } from '../blobs/read-blob.ts';
import { writeDurably } from '../pki/write-durably.ts';
import { checkDatabase } from '../store/check-database.ts';
import { damagedDatabase } from '../store/damaged-database.ts';
import { createSqliteClock } from '../store/database-clock.ts';
import { markBackup } from '../store/database-generation.ts';
import { databaseName } from '../store/database-name.ts';
import { explainSqliteFailure } from '../store/explain-sqlite-failure.ts';
import { SqlStore } from '../store/sql-store.ts';
import { adaptSqlite, openSqlite } from '../store/sqlite-database.ts';

export interface BackupOrder {
  readonly dataDir: string;
  /** Made here; must not exist yet. */
  readonly outDir: string;
  /** Whether the blobs are copied too, or only listed. */
  readonly withBlobs: boolean;
  readonly version: string;
  readonly signal: AbortSignal;
}

/** What `backup.json` says, which is written last: a folder without it is no whole backup. */
export interface Backup {
  readonly schema: 'qfleet.backup/1';
  readonly version: string;
  readonly createdAtMs: number;
  readonly databaseBytes: number;
  /** Those that the database refers to, listed in `blobs.txt`. */
  readonly blobs: number;
  readonly blobBytes: number;
  readonly withBlobs: boolean;
  /** Referred to, and not there; 0 in a sound data folder. */
  readonly missingBlobs: number;
}

/**
 * Copies a data folder, also while its coordinator is at work: the database as it was at one moment, whole without a log;
 * `pki/`; `blobs.txt`, a line `DIGEST BYTES` for each blob that this database refers to; and the blobs where asked for,
 * each verified by its digest. Throws `already-exists`, `configuration` where the database is damaged, `digest-mismatch`
 * where a blob is, `cancelled`; what was begun is then removed.
 */
export async function createBackup(order: BackupOrder): Promise<Backup> {
  await makeFolder(order.outDir);
  try {
    return await fill(order);
  } catch (thrown) {
    await rm(order.outDir, { recursive: true, force: true });
    throw thrown;
  }
}

async function makeFolder(outDir: string): Promise<void> {
  try {
    await mkdir(outDir, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw QfleetError.from(cause);
    throw new QfleetError('already-exists', `${outDir} is there already; a backup makes its own folder.`, {
      hint: 'Name another one, such as one with the date in it.',
      cause,
    });
  }
}

async function fill({ dataDir, outDir, withBlobs, version, signal }: BackupOrder): Promise<Backup> {
  const createdAtMs = Date.now();
  const path = join(outDir, databaseName);
  await copyDatabase(join(dataDir, databaseName), path);
  const digests = await readCopy(path);
  await syncFile(path);
  await copyKeys(join(dataDir, 'pki'), join(outDir, 'pki'));
  const lines: string[] = [];
  let blobBytes = 0;
  let missingBlobs = 0;
  for (const digest of digests) {
    if (signal.aborted) throw new QfleetError('cancelled', 'The backup was stopped.');
    const size = await sizeOf(blobPath(join(dataDir, 'blobs'), digest));
    if (size === undefined) {
      missingBlobs++;
      continue;
    }
    lines.push(`${digest} ${size}\n`);
    blobBytes += size;
    if (withBlobs) await copyBlob(dataDir, outDir, digest);
  }
  await writeDurably(join(outDir, 'blobs.txt'), lines.join(''), 0o600);
  const backup: Backup = {
    schema: 'qfleet.backup/1',
    version,
    createdAtMs,
    databaseBytes: (await stat(path)).size,
    blobs: lines.length,
    blobBytes,
    withBlobs,
    missingBlobs,
  };
  await writeDurably(join(outDir, 'backup.json'), `${JSON.stringify(backup, null, 2)}\n`, 0o600);
  return backup;
}

async function copyDatabase(from: string, to: string): Promise<void> {
  if ((await sizeOf(from)) === undefined) {
    throw new QfleetError('not-found', `There is no database ${from} to back up.`, {
      hint: 'Name the data folder with --data.',
    });
  }
  try {
    const worker = new Worker(new URL('copy-database-worker.ts', import.meta.url), {
      workerData: { from, to },
    });
    await once(worker, 'exit');
  } catch (thrown) {
    throw explainSqliteFailure(thrown, from);
  }
  await chmod(to, 0o600);
}

/** Checks the copy, which is the backup's worth, marks it, and says what it refers to, in order. */
async function readCopy(path: string): Promise<Digest[]> {
  const database = openSqlite(path);
  await using store = new SqlStore(adaptSqlite(database), createSqliteClock());
  const { problems } = checkDatabase(database, { isBounded: false });
  if (problems.length > 0) throw damagedDatabase(path, `, a copy, is damaged: ${problems.join('; ')}`);
  markBackup(database);
  return [...(await store.referencedBlobs())].sort().map(parseDigest);
}

async function copyKeys(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const name of await readdir(from)) {
    await copyFile(join(from, name), join(to, name), constants.COPYFILE_EXCL);
    await syncFile(join(to, name));
  }
}

async function copyBlob(dataDir: string, outDir: string, digest: Digest): Promise<void> {
  const to = blobPath(join(outDir, 'blobs'), digest);
  await mkdir(join(to, '..'), { recursive: true, mode: 0o700 });
  await copyFile(blobPath(join(dataDir, 'blobs'), digest), to, constants.COPYFILE_FICLONE);
  const found = await digestFile(to);
  if (found === basename(to)) return syncFile(to);
  throw new QfleetError(
    'digest-mismatch',
    `The blob ${digest} has changed on the disk: it is ${found} now.`,
    {
      hint: 'Check the disk; add that model or dataset again, or repeat the run, then back up.',
    },
  );
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r');
  await file.sync();
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
