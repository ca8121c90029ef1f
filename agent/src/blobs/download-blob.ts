import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { openToAppend } from '@qfleet/shared/open-to-append.ts';
import type { Random } from '@qfleet/shared/random.ts';
import { fullJitterMs } from '../session/full-jitter.ts';
import { fromServiceError, isTransient } from '../session/grpc-error.ts';
import { syncFolder } from './sync-folder.ts';

export interface BlobChunk {
  readonly offset: number;
  readonly data: Uint8Array;
  /** Size of the whole blob; in the first chunk. */
  readonly totalBytes: number;
}

/** Opens a blob at an offset; aborting the signal ends it. */
export type OpenBlob = (digest: Digest, offset: number, signal: AbortSignal) => AsyncIterable<BlobChunk>;

export interface Download {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Where the whole blob goes; `.part` is appended while it is not whole. */
  readonly path: string;
  readonly openBlob: OpenBlob;
  /** A source that gives nothing for this long is dropped and opened again, milliseconds. */
  readonly stallMs: number;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onProgress?: (receivedBytes: number) => void;
  /** What came in one go to its end, and how long it took. */
  readonly onTransfer?: (bytes: number, durationNs: number) => void;
}

/**
 * Fetches a blob into a file: resumes at the end of what is there, survives every break of the network, verifies
 * the SHA-256, syncs and renames. Bytes of another digest are dropped and fetched once more from the start; the
 * second time it throws `digest-mismatch`.
 */
export async function downloadBlob(download: Download): Promise<void> {
  const part = `${download.path}.part`;
  for (let mismatches = 0; ; mismatches++) {
    const digest = await fetchAll(download, part);
    if (digest === download.digest) break;
    await rm(part, { force: true });
    if (mismatches === 0) continue;
    throw new QfleetError(
      'digest-mismatch',
      `Blob ${download.digest} came twice with other bytes (SHA-256 ${digest}).`,
      { hint: 'Check the disk and memory of the coordinator and of this device.' },
    );
  }
  await rename(part, download.path);
  await syncFolder(dirname(download.path));
}

/** Brings the part file to its full size, read-only and synced; gives its SHA-256. */
async function fetchAll(download: Download, part: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    await using file = await openToAppend(part);
    const hash = createHash('sha256');
    const before = await hashPart(file, hash, download.sizeBytes);
    const progress = { bytes: before };
    try {
      if (progress.bytes < download.sizeBytes) await append(download, file, hash, progress);
      if (progress.bytes === download.sizeBytes) {
        await file.chmod(0o440);
        await file.sync();
        return hash.digest('hex');
      }
    } catch (thrown) {
      download.signal.throwIfAborted();
      if (!isTransient(thrown) && !isStall(thrown)) throw fromServiceError(thrown);
    }
    if (progress.bytes > before) attempt = 0;
    await sleep(fullJitterMs(attempt, download.random), undefined, { signal: download.signal }).catch(
      () => undefined,
    );
    download.signal.throwIfAborted();
  }
}

/** Bytes already there, fed to the hash: a hash's state cannot be saved. A part that is too long is emptied. */
async function hashPart(file: FileHandle, hash: Hash, sizeBytes: number): Promise<number> {
  if ((await file.stat()).size > sizeBytes) await file.truncate();
  let bytes = 0;
  const start = { start: 0, autoClose: false, highWaterMark: 2 ** 20 };
  for await (const chunk of file.createReadStream(start)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return bytes;
}

async function append(
  download: Download,
  file: FileHandle,
  hash: Hash,
  progress: { bytes: number },
): Promise<void> {
  using watch = watchForStall(download.stallMs, download.signal);
  const before = progress.bytes;
  const start = process.hrtime.bigint();
  for await (const chunk of download.openBlob(download.digest, progress.bytes, watch.signal)) {
    watch.touch();
    assertNext(chunk, progress.bytes, download);
    await file.appendFile(chunk.data);
    hash.update(chunk.data);
    progress.bytes += chunk.data.length;
    download.onProgress?.(progress.bytes);
  }
  watch.signal.throwIfAborted();
  download.onTransfer?.(progress.bytes - before, Number(process.hrtime.bigint() - start));
}

function assertNext(chunk: BlobChunk, position: number, { digest, sizeBytes }: Download): void {
  const hasOtherSize = chunk.totalBytes > 0 && chunk.totalBytes !== sizeBytes;
  if (chunk.offset === position && !hasOtherSize && position + chunk.data.length <= sizeBytes) return;
  throw new QfleetError(
    'digest-mismatch',
    `Blob ${digest} should have ${sizeBytes} bytes; got a piece of ${chunk.data.length} bytes at ${chunk.offset} of ${chunk.totalBytes} where ${position} was next.`,
  );
}

class Stall extends Error {}

function isStall(thrown: unknown): boolean {
  return thrown instanceof Stall;
}

function watchForStall(
  stallMs: number,
  outer: AbortSignal,
): Disposable & { signal: AbortSignal; touch(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Stall()), stallMs);
  return {
    signal: AbortSignal.any([outer, controller.signal]),
    touch: () => void timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
