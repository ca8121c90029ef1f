import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * What changes whenever a file is written to or replaced: device, inode, size and the two times. The time of the last
 * change of the inode cannot be set by anybody, so that a file with its old modification time gives itself away too.
 */
export type FileState = string;

/**
 * A file's digest and the state that it was in; the file is opened once for both. Throws the system's error, and
 * `digest-mismatch` where it is written to all the time.
 */
export async function digestWithState(path: string): Promise<{ digest: Digest; state: FileState }> {
  await using file = await open(path);
  for (let tries = 0; tries < 3; tries++) {
    const state = describe(await file.stat({ bigint: true }));
    const digest = await digestHandle(file);
    // Written to meanwhile: what was read may be neither the old nor the new.
    if (state === describe(await file.stat({ bigint: true }))) return { digest, state };
  }
  throw new QfleetError('digest-mismatch', `${path} changes while it is read.`, {
    hint: 'Find out what else writes to it; nothing but this agent may.',
  });
}

/** The state of the file that has this name now; undefined where there is none. */
export async function readFileState(path: string): Promise<FileState | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && describe(found);
}

/** SHA-256 of an open file, from its beginning. */
export async function digestHandle(file: FileHandle): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(2 ** 20);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest('hex') as Digest;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

function describe(stats: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}): FileState {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
