import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import { downloadBlob, type OpenBlob } from './download-blob.ts';
import { digestWithState, readFileState } from './file-state.ts';
import { freeDiskBytes } from './free-disk.ts';
import type { TransferLog } from './transfer-log.ts';

/** Left free on the disk beyond a blob's own size. */
const reserveBytes = 64 * 2 ** 20;
/** The default quota: so much, or a fifth of the free disk if that is less. */
const maxDefaultQuotaBytes = 2e9;
/** Of the files of downloads that are not whole. */
const partEnding = '.part';
/** A part file that nobody went on with for so long is removed. */
const maxPartAgeMs = 7 * 24 * 3600 * 1000;

export interface BlobCacheOptions {
  readonly folder: string;
  readonly openBlob: OpenBlob;
  readonly random: Random;
  readonly log: Logger;
  /** Absent: 2 GB, or a fifth of the free disk if that is less. */
  readonly quotaBytes?: number;
  readonly stallMs?: number;
  /** Where the speed of downloads is noted. */
  readonly transfers?: TransferLog;
}

export interface BlobRef {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (receivedBytes: number) => void;
}

/** A blob that had its digest when it was acquired, and stays where it is until it is disposed. */
export interface PinnedBlob extends Disposable {
  readonly path: string;
  /** Throws `digest-mismatch` where its bytes have changed since; also after it was disposed. */
  assertUnchanged(): Promise<void>;
}

interface Entry {
  readonly sizeBytes: number;
  lastUsedMs: number;
  pins: number;
}

/** Models and dataset shards on this device's disk, by digest; least recently used ones leave when it is full. */
export class BlobCache {
  readonly quotaBytes: number;
  readonly #options: BlobCacheOptions;
  readonly #entries: Map<Digest, Entry>;
  readonly #fetching = new Map<Digest, Promise<void>>();
  /** Bytes promised to downloads in flight. */
  #reservedBytes = 0;

  static async open(options: BlobCacheOptions): Promise<BlobCache> {
    await mkdir(options.folder, { recursive: true });
    const entries = await readEntries(options.folder);
    const usedBytes = sum(entries);
    const freeBytes = await freeDiskBytes(options.folder);
    const fifth = freeBytes === undefined ? maxDefaultQuotaBytes : (freeBytes + usedBytes) / 5;
    return new BlobCache(options, entries, options.quotaBytes ?? Math.min(maxDefaultQuotaBytes, fifth));
  }

  private constructor(options: BlobCacheOptions, entries: Map<Digest, Entry>, quotaBytes: number) {
    this.#options = options;
    this.#entries = entries;
    this.quotaBytes = quotaBytes;
  }

  get sizeBytes(): number {
    return sum(this.#entries);
  }

  /**
   * A blob's file, fetched where it is not there; several callers share one download. Throws `digest-mismatch`,
   * `resource-exhausted` where disk or quota do not suffice, `not-found` and `permission-denied` as the
   * coordinator says.
   */
  async acquire(ref: BlobRef, options: FetchOptions): Promise<PinnedBlob> {
    const digest = parseDigest(ref.digest);
    // Several rounds, since an entry may be evicted between its arrival and its pinning.
    for (;;) {
      options.signal.throwIfAborted();
      const pinned = await this.#pin(digest);
      if (pinned) return pinned;
      await this.#fetchOnce(digest, ref.sizeBytes, options);
    }
  }

  /**
   * Cards rot, and disks are written to by others: a blob is read whole and compared with its digest each time that it
   * is acquired, which costs little beside what it is acquired for. One that has changed is dropped.
   */
  async #pin(digest: Digest): Promise<PinnedBlob | undefined> {
    const entry = this.#entries.get(digest);
    if (!entry) return undefined;
    entry.pins++;
    entry.lastUsedMs = Date.now();
    const path = join(this.#options.folder, digest);
    const now = new Date();
    // The order of use survives a restart in the files' times.
    await utimes(path, now, now).catch(() => undefined);
    const read = await digestWithState(path).catch(() => undefined);
    if (read?.digest === digest) {
      return {
        path,
        assertUnchanged: () => assertUnchanged(path, read),
        [Symbol.dispose]: once(() => void entry.pins--),
      };
    }
    entry.pins--;
    this.#options.log.warn({ digest }, 'A cached blob no longer has its digest; fetching it again.');
    // Another caller may have found out too, and have fetched it anew meanwhile.
    if (this.#entries.get(digest) === entry) {
      this.#entries.delete(digest);
      await rm(path, { force: true });
    }
    return undefined;
  }

  async #fetchOnce(digest: Digest, sizeBytes: number, options: FetchOptions): Promise<void> {
    const running = this.#fetching.get(digest);
    if (running) {
      // Another caller's cancellation is not ours: then the next round fetches anew.
      await running.catch(() => undefined);
      return;
    }
    const fetching = this.#fetch(digest, sizeBytes, options).finally(() => this.#fetching.delete(digest));
    this.#fetching.set(digest, fetching);
    await fetching;
  }

  async #fetch(digest: Digest, sizeBytes: number, { signal, onProgress }: FetchOptions): Promise<void> {
    const { folder, openBlob, random, stallMs = 30_000, transfers } = this.#options;
    const path = join(folder, digest);
    // Somebody may have cleared up meanwhile.
    await mkdir(folder, { recursive: true });
    await this.#makeRoom(digest, sizeBytes);
    this.#reservedBytes += sizeBytes;
    try {
      const progress = onProgress === undefined ? {} : { onProgress };
      const onTransfer = (bytes: number, durationNs: number): void =>
        transfers?.add('download', bytes, durationNs);
      await downloadBlob({
        digest,
        sizeBytes,
        path,
        openBlob,
        stallMs,
        random,
        signal,
        onTransfer,
        ...progress,
      });
    } finally {
      this.#reservedBytes -= sizeBytes;
    }
    this.#entries.set(digest, { sizeBytes, lastUsedMs: Date.now(), pins: 0 });
  }

  async #makeRoom(digest: Digest, sizeBytes: number): Promise<void> {
    const { folder } = this.#options;
    const partBytes = (await stat(join(folder, `${digest}${partEnding}`)).catch(() => undefined))?.size ?? 0;
    const wantedBytes = sizeBytes - partBytes + reserveBytes;
    const fitsQuota = (): boolean => this.sizeBytes + this.#reservedBytes + sizeBytes <= this.quotaBytes;
    for (;;) {
      const freeBytes = (await freeDiskBytes(folder)) ?? Number.POSITIVE_INFINITY;
      if (fitsQuota() && freeBytes >= wantedBytes) return;
      const isRoomMade = (await this.#evictOldest()) || (await this.#dropPart(digest));
      if (!isRoomMade) throw this.#noRoom({ sizeBytes, wantedBytes, freeBytes });
    }
  }

  async #evictOldest(): Promise<boolean> {
    const idle = [...this.#entries].filter(([, entry]) => entry.pins === 0);
    const [oldest] = idle.sort(([, a], [, b]) => a.lastUsedMs - b.lastUsedMs);
    if (!oldest) return false;
    this.#entries.delete(oldest[0]);
    await rm(join(this.#options.folder, oldest[0]), { force: true });
    return true;
  }

  /** Parts of downloads that nobody goes on with now; `wanted` is to be continued. */
  async #dropPart(wanted: Digest): Promise<boolean> {
    const { folder } = this.#options;
    for (const name of await readdir(folder)) {
      const digest = name.slice(0, -partEnding.length) as Digest;
      if (!name.endsWith(partEnding) || digest === wanted || this.#fetching.has(digest)) continue;
      await rm(join(folder, name), { force: true });
      return true;
    }
    return false;
  }

  #noRoom({
    sizeBytes,
    wantedBytes,
    freeBytes,
  }: {
    sizeBytes: number;
    wantedBytes: number;
    freeBytes: number;
  }): QfleetError {
    const { folder } = this.#options;
    if (freeBytes < wantedBytes) {
      return new QfleetError(
        'resource-exhausted',
        `The disk of ${folder} is full: a blob needs ${megabytes(wantedBytes)} (${megabytes(reserveBytes)} of them are kept free), ${megabytes(freeBytes)} are left.`,
        { hint: 'Free some space on the device, or give the agent another --state folder.' },
      );
    }
    return new QfleetError(
      'resource-exhausted',
      `The cache's disk quota is used up: a blob of ${megabytes(sizeBytes)} does not fit into ${megabytes(this.quotaBytes)} beside what the job uses.`,
      { hint: 'Raise cacheQuotaBytes in agent.yaml, or QFLEET_AGENT_CACHE_QUOTA_BYTES.' },
    );
  }
}

/** Its state first, and only if that is another one its digest: the time of its last use may be all that changed. */
async function assertUnchanged(
  path: string,
  { digest, state }: { readonly digest: Digest; readonly state: string },
): Promise<void> {
  const now = await readFileState(path);
  // Evicted since, or removed by hand: what was read before was right.
  if (now === undefined || now === state) return;
  const found = (await digestWithState(path)).digest;
  if (found === digest) return;
  throw new QfleetError(
    'digest-mismatch',
    `The blob ${digest} changed on this device's disk while the job ran: its SHA-256 is ${found} now.`,
    { hint: `Check the disk, and what else writes to ${path}.` },
  );
}

async function readEntries(folder: string): Promise<Map<Digest, Entry>> {
  const entries = new Map<Digest, Entry>();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found) continue;
    const { size, mtimeMs } = found;
    if (/^[0-9a-f]{64}$/.test(name)) {
      entries.set(name as Digest, { sizeBytes: size, lastUsedMs: mtimeMs, pins: 0 });
    } else if (name.endsWith(partEnding) && Date.now() - mtimeMs > maxPartAgeMs)
      await rm(path, { force: true });
  }
  return entries;
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}

function sum(entries: ReadonlyMap<Digest, Entry>): number {
  return [...entries.values()].reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
