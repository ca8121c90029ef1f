import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestFile, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import { downloadBlob, type OpenBlob } from './download-blob.ts';
import { freeDiskBytes } from './free-disk.ts';
import type { TransferLog } from './transfer-log.ts';

/** Left free on the disk beyond a blob's own size. */
const reserveBytes = 64 * 2 ** 20;
/** The default quota: so much, or a fifth of the free disk if that is less. */
const maxDefaultQuotaBytes = 2e9;
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

/** A blob that stays where it is until it is disposed. */
export interface PinnedBlob extends Disposable {
  readonly path: string;
}

interface Entry {
  readonly sizeBytes: number;
  lastUsedMs: number;
  pins: number;
  /** Whether its bytes were held against its digest since the agent started. */
  isVerified: boolean;
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
    const fifth = ((await freeDiskBytes(options.folder)) + usedBytes) / 5;
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
      const pinned = this.#pin(digest);
      if (pinned && (await this.#isSound(digest))) return pinned;
      pinned?.[Symbol.dispose]();
      await this.#fetchOnce(digest, ref.sizeBytes, options);
    }
  }

  #pin(digest: Digest): PinnedBlob | undefined {
    const entry = this.#entries.get(digest);
    if (!entry) return undefined;
    entry.pins++;
    entry.lastUsedMs = Date.now();
    const path = join(this.#options.folder, digest);
    const now = new Date();
    // The order of use survives a restart in the files' times.
    void utimes(path, now, now).catch(() => undefined);
    return { path, [Symbol.dispose]: once(() => void entry.pins--) };
  }

  /** Cards rot: the first use after a start reads the whole file. A rotten one is dropped. */
  async #isSound(digest: Digest): Promise<boolean> {
    const entry = this.#entries.get(digest);
    if (!entry) return false;
    if (entry.isVerified) return true;
    const path = join(this.#options.folder, digest);
    const actual = await digestFile(path).catch(() => undefined);
    entry.isVerified = actual === digest;
    if (entry.isVerified) return true;
    this.#options.log.warn({ digest }, 'A cached blob no longer has its digest; fetching it again.');
    this.#entries.delete(digest);
    await rm(path, { force: true });
    return false;
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
    this.#entries.set(digest, { sizeBytes, lastUsedMs: Date.now(), pins: 0, isVerified: true });
  }

  async #makeRoom(digest: Digest, sizeBytes: number): Promise<void> {
    const { folder } = this.#options;
    const partBytes = (await stat(join(folder, `${digest}.part`)).catch(() => undefined))?.size ?? 0;
    const wantedBytes = sizeBytes - partBytes + reserveBytes;
    const fitsQuota = (): boolean => this.sizeBytes + this.#reservedBytes + sizeBytes <= this.quotaBytes;
    let freeBytes = await freeDiskBytes(folder);
    while (!fitsQuota() || freeBytes < wantedBytes) {
      if (!(await this.#evictOldest())) throw this.#noRoom({ sizeBytes, wantedBytes, freeBytes });
      freeBytes = await freeDiskBytes(folder);
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

async function readEntries(folder: string): Promise<Map<Digest, Entry>> {
  const entries = new Map<Digest, Entry>();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { size, mtimeMs } = await stat(path);
    if (/^[0-9a-f]{64}$/.test(name)) {
      entries.set(name as Digest, { sizeBytes: size, lastUsedMs: mtimeMs, pins: 0, isVerified: false });
    } else if (name.endsWith('.part') && Date.now() - mtimeMs > maxPartAgeMs) await rm(path, { force: true });
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
