import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import { syncFolder } from '../blobs/sync-folder.ts';
import { failedResult } from './failed-result.ts';
import { type ResultHeader, readResultHeader } from './result-header.ts';

/** A result that the coordinator has not acknowledged yet. */
export interface SpoolEntry {
  /** SHA-256 of the result's bytes; the name of its folder. */
  readonly digest: Digest;
  readonly jobId: string;
  readonly fence: number;
  /** As it was when its bytes had their digest: the disk may change them later. */
  readonly header: ResultHeader;
  /** The result and its blobs together. */
  readonly sizeBytes: number;
  readonly spooledAtMs: number;
  readonly resultPath: string;
  /** The result itself where it is in memory only. */
  readonly bytes?: Uint8Array;
  blobPath(digest: Digest): string;
  /** What the result refers to, whether the disk still has it or not. */
  readonly blobs: readonly Digest[];
}

export interface UnsentResult {
  /** The serialised result: exactly these bytes are signed, sent and stored. */
  readonly bytes: Uint8Array;
  readonly jobId: string;
  readonly fence: number;
  /** Files named by their digests, on the spool's file system; they move into the spool. */
  readonly blobs: readonly { readonly digest: Digest; readonly path: string }[];
}

const resultName = 'result.json';
/** The folder beside the spool for what cannot be submitted. */
const refusedName = 'refused';
/** So many are kept there, the newest. */
const maxRefused = 20;
/** A folder with this prefix is on its way in or out; one that is found at the start is a leftover. */
const unfinishedPrefix = '.unfinished-';

/**
 * Unsent results on the disk: one folder each, named by the digest of the result, with its blobs. An entry appears
 * by one rename after everything in it was synced, and leaves only when it was acknowledged. What a full disk does not
 * take is held in memory.
 */
export class Spool {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #entries = new Map<Digest, SpoolEntry>();
  readonly #listeners = new Set<() => void>();
  /** Folders that the disk did not let go of; tried again with every change. */
  readonly #leftovers = new Set<string>();

  /** Throws where the folder cannot be made or listed; what is wrong with one entry concerns that entry. */
  static async open(folder: string, log: Logger): Promise<Spool> {
    await mkdir(folder, { recursive: true });
    const spool = new Spool(folder, log);
    for (const name of await readdir(folder)) {
      if (name.startsWith(unfinishedPrefix)) spool.#leftovers.add(join(folder, name));
      else await spool.#take(name);
    }
    await spool.#removeLeftovers();
    return spool;
  }

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Unsent results, oldest first. */
  get entries(): readonly SpoolEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.spooledAtMs - b.spooledAtMs);
  }

  get sizeBytes(): number {
    return this.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /**
   * Stores a result durably; it is in the spool when this resolves. Where it throws, nothing of it is left on the disk,
   * its blobs included: whoever called has to say that the result is lost.
   */
  async add(result: UnsentResult): Promise<SpoolEntry> {
    const digest = digestBytes(result.bytes);
    const target = join(this.#folder, digest);
    const unfinished = join(this.#folder, `${unfinishedPrefix}${digest}`);
    await this.#removeLeftovers();
    try {
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished, { recursive: true });
      const blobBytes = await sizesOf(result.blobs.map(({ path }) => path));
      for (const blob of result.blobs) await moveSynced(blob.path, join(unfinished, blob.digest));
      await writeSynced(join(unfinished, resultName), result.bytes);
      await syncFolder(unfinished);
      await rename(unfinished, target);
      await syncFolder(this.#folder);
      const sizeBytes = result.bytes.length + blobBytes;
      const blobs = result.blobs.map((blob) => blob.digest);
      return this.#put({ ...this.#describe(digest, result), blobs, sizeBytes, spooledAtMs: Date.now() });
    } catch (thrown) {
      // A half-written entry would take up space that nobody knows of.
      this.#leftovers.add(unfinished).add(target);
      await this.#removeLeftovers();
      throw thrown;
    }
  }

  /**
   * Keeps a result in memory, for where the disk takes no more: it is submitted like any other, and lost with the
   * process. For failures, which have no blobs.
   */
  hold(result: Omit<UnsentResult, 'blobs'>): void {
    const { bytes } = result;
    const entry = this.#describe(digestBytes(bytes), result);
    this.#put({ ...entry, bytes, blobs: [], sizeBytes: bytes.length, spooledAtMs: Date.now() });
  }

  /** Removes an acknowledged result. What the disk does not let go of is tried again later. */
  async remove(entry: SpoolEntry): Promise<void> {
    this.#entries.delete(entry.digest);
    if (!entry.bytes) {
      const leaving = join(this.#folder, `${unfinishedPrefix}${entry.digest}`);
      const isRenamed = await succeeds(rename(join(this.#folder, entry.digest), leaving));
      this.#leftovers.add(isRenamed ? leaving : join(this.#folder, entry.digest));
    }
    await this.#removeLeftovers();
  }

  /**
   * Takes out a result that cannot be submitted, and keeps it beside the spool for whoever looks into it, unless the
   * disk does not take even that.
   */
  async setAside(entry: SpoolEntry): Promise<void> {
    if (entry.bytes) return this.remove(entry);
    this.#entries.delete(entry.digest);
    await this.#moveAside(entry.digest);
    await this.#removeLeftovers();
  }

  /** Calls back whenever a result was added. */
  onAdded(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #put(entry: SpoolEntry): SpoolEntry {
    this.#entries.set(entry.digest, entry);
    for (const listener of this.#listeners) listener();
    return entry;
  }

  #describe(digest: Digest, { bytes, jobId, fence }: Omit<UnsentResult, 'blobs'>) {
    const path = join(this.#folder, digest);
    const header = readResultHeader(bytes) ?? { ...noHeader, jobId, fence };
    const blobPath = (blob: Digest): string => join(path, blob);
    return { digest, jobId, fence, header, resultPath: join(path, resultName), blobPath };
  }

  /** An entry of an earlier process. One whose result the disk has changed is set aside, and its job has failed. */
  async #take(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const bytes = await readFile(join(path, resultName)).catch((cause: unknown) => {
      this.#log.error({ path, cause: String(cause) }, 'An unsent result cannot be read and is left alone.');
    });
    if (!bytes) return;
    const header = readResultHeader(bytes);
    const digest = digestBytes(bytes);
    if (header && digest === name) {
      const { jobId, fence } = header;
      const blobs = header.blobs as Digest[];
      const files = [resultName, ...blobs].map((file) => join(path, file));
      const times = await stat(join(path, resultName)).catch(() => undefined);
      const size = { sizeBytes: await sizesOf(files), spooledAtMs: times?.mtimeMs ?? 0 };
      this.#entries.set(digest, { ...this.#describe(digest, { bytes, jobId, fence }), blobs, ...size });
      return;
    }
    this.#log.error(
      { path },
      'An unsent result no longer has its digest and is set aside; the disk may be failing.',
    );
    await this.#moveAside(name);
    if (header) this.hold({ ...header, bytes: failedResult(header, changedResult(name, digest)) });
  }

  async #moveAside(name: string): Promise<void> {
    const refused = join(dirname(this.#folder), refusedName);
    const from = join(this.#folder, name);
    try {
      await mkdir(refused, { recursive: true });
      await rm(join(refused, name), { recursive: true, force: true });
      await rename(from, join(refused, name));
      for (const old of await olderThanNewest(refused, maxRefused)) this.#leftovers.add(old);
    } catch (cause) {
      this.#log.error({ path: from, cause: String(cause) }, 'A result cannot be set aside and is removed.');
      this.#leftovers.add(from);
    }
  }

  async #removeLeftovers(): Promise<void> {
    for (const path of this.#leftovers) {
      if (await succeeds(rm(path, { recursive: true, force: true }))) this.#leftovers.delete(path);
    }
  }
}

const noHeader = {
  runId: '',
  attempt: 1,
  agentVersion: '',
  bootId: '',
  startedAtUnixMs: 0,
  durationNs: 0,
  blobs: [],
};

/** How a result that the disk has changed is reported. */
export function changedResult(digest: string, found: string): Failure {
  return {
    class: 'digest-mismatch',
    message: `The result changed on the device's disk before it was submitted: its SHA-256 was ${digest} and is ${found}.`,
    hint: `Check the disk of the device. What is left is kept there in state/${refusedName}/${digest}.`,
  };
}

async function sizesOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.size));
  return sizes.reduce<number>((sum, size = 0) => sum + size, 0);
}

async function olderThanNewest(folder: string, count: number): Promise<string[]> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  const dated = await Promise.all(paths.map(async (path) => ({ path, atMs: (await stat(path)).mtimeMs })));
  return dated
    .sort((a, b) => b.atMs - a.atMs)
    .slice(count)
    .map(({ path }) => path);
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

async function moveSynced(from: string, to: string): Promise<void> {
  await rename(from, to);
  await chmod(to, 0o440);
  await using file = await open(to, 'r');
  await file.sync();
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'w', 0o440);
  await file.writeFile(bytes);
  await file.sync();
}
