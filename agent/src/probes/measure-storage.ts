import { closeSync, constants, fsyncSync, openSync, readSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { createRandom } from '@qfleet/shared/random.ts';
import { createKernelMemory } from './load-kernels.ts';
import type { StorageOutcome, StorageTask } from './probe-task.ts';

/**
 * Speed of the file system that holds a folder. Written is a new file in pieces, each followed by fsync, so that
 * what is timed has left the page cache; read is that file with O_DIRECT, which passes the page cache by, since
 * nothing else in Node's reach does; and small writes are timed with their fsync, as a database makes them. The
 * device's own cache, and a host's behind a virtual machine, are part of it. Once over, 64 MiB and some hundred small
 * blocks at most are written, so that an SD card is not worn; the file is removed. A folder in memory is not measured.
 */
export async function measureStorage(
  task: StorageTask,
  onProgress: (fraction: number) => void,
): Promise<StorageOutcome> {
  const where = statfsSync(task.folder);
  if (memoryFileSystems.has(where.type))
    return missing('not-present: the folder lies in memory (tmpfs), not on a disk');
  const pieces = Math.min(
    task.pieces,
    Math.floor((where.bavail * where.bsize * freeShare) / task.pieceBytes),
  );
  if (pieces < 1) return missing('disk-full: too little free space to write a file for it');
  const path = join(task.folder, `.qfleet-storage-probe-${process.pid}`);
  const step = { path, pieces, task, buffer: randomBlock() };
  try {
    const file = openNew(path);
    if (typeof file !== 'number') return missing(file.reason);
    const writeNs = await writePieces(step, file);
    onProgress(0.6);
    const read = await readPieces({ ...step, pieces: writeNs.length });
    onProgress(0.8);
    const sync = { ns: timeSyncs(step) };
    return { kind: 'storage', pieceBytes: task.pieceBytes, write: { ns: writeNs }, read, sync };
  } finally {
    rmSync(path, { force: true });
  }
}

/** `f_type` of tmpfs and ramfs, linux/magic.h. */
const memoryFileSystems = new Set([0x01021994, 0x858458f6]);
const freeShare = 0.25;
const blockBytes = 1024 * 1024;
const smallBytes = 4096;

interface Step {
  readonly path: string;
  readonly pieces: number;
  readonly task: StorageTask;
  readonly buffer: Uint8Array;
}

/** One block of memory that begins on a page, as O_DIRECT wants it; random, for some disks compress. */
function randomBlock(): Uint8Array {
  // WebAssembly's memory is what Node has that is aligned; its buffers are not.
  const bytes = new Uint8Array(createKernelMemory(blockBytes).buffer, 0, blockBytes);
  const random = createRandom(1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
  return bytes;
}

/** What forbids a file there is an answer; anything else is a failure. */
function openNew(path: string): number | { readonly reason: string } {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw thrown;
    return { reason: `permission: ${dirname(path)} is not to be written to (${code}); name another folder` };
  }
}

async function writePieces({ pieces, task, buffer }: Step, file: number): Promise<number[]> {
  try {
    return await timePieces(pieces, task.writeBudgetMs, () => {
      for (let at = 0; at < task.pieceBytes; at += blockBytes) writeSync(file, buffer);
      fsyncSync(file);
    });
  } finally {
    closeSync(file);
  }
}

async function readPieces(step: Step): Promise<StorageOutcome['read']> {
  const { path, pieces, task, buffer } = step;
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
    const opened = file;
    const ns = await timePieces(pieces, task.readBudgetMs, () => {
      for (let at = 0; at < task.pieceBytes; at += blockBytes) readSync(opened, buffer);
    });
    return { ns };
  } catch (thrown) {
    // EINVAL: the file system knows no direct access; what is read otherwise comes out of memory.
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown error';
    return { reason: `not-supported: the file system does not read past the page cache (O_DIRECT: ${code})` };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Times of the pieces, one at least. */
async function timePieces(pieces: number, budgetMs: number, run: () => void): Promise<number[]> {
  const deadline = performance.now() + budgetMs;
  const ns: number[] = [];
  while (ns.length < pieces && (ns.length === 0 || performance.now() < deadline)) {
    const start = process.hrtime.bigint();
    run();
    ns.push(Number(process.hrtime.bigint() - start));
    // Lets the process hear that its parent has gone.
    await setImmediate();
  }
  return ns;
}

/** A small block rewritten in place and synced, again and again. */
function timeSyncs({ path, task, buffer }: Step): number[] {
  const deadline = performance.now() + task.syncBudgetMs;
  const file = openSync(path, 'r+');
  const ns: number[] = [];
  try {
    while (ns.length < task.syncs && (ns.length === 0 || performance.now() < deadline)) {
      const start = process.hrtime.bigint();
      writeSync(file, buffer, 0, smallBytes, 0);
      fsyncSync(file);
      ns.push(Number(process.hrtime.bigint() - start));
    }
  } finally {
    closeSync(file);
  }
  return ns;
}

function missing(reason: string): StorageOutcome {
  return { kind: 'storage', pieceBytes: 0, write: { reason }, read: { reason }, sync: { reason } };
}
