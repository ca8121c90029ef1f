import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import { syncFolder } from '../blobs/sync-folder.ts';

/** A result that the coordinator has not acknowledged yet. */
export interface SpoolEntry {
  /** SHA-256 of the result's bytes; the name of its folder. */
  readonly digest: Digest;
  readonly jobId: string;
  readonly fence: number;
  /** The result and its blobs together. */
  readonly sizeBytes: number;
  readonly spooledAtMs: number;
  readonly resultPath: string;
  /** The result itself where it is in memory only. */
  readonly bytes?: Uint8Array;
  blobPath(digest: Digest): string;
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
/** The folder beside the spool for what was refused for good. */
const refusedName = 'refused';
/** A folder with this prefix is on its way in or out; one that is found at the start is a leftover. */
const unfinishedPrefix = '.unfinished-';

/**
 * Unsent results on the disk: one folder each, named by the digest of the result, with its blobs. An entry appears
 * by one rename after everything in it was synced, and leaves only when it was acknowledged. What a full disk does not
 * take is held in memory.
 */
export class Spool {
  readonly #folder: string;
  readonly #entries: Map<Digest, SpoolEntry>;
  readonly #listeners = new Set<() => void>();

  static async open(folder: string, log: Logger): Promise<Spool> {
    await mkdir(folder, { recursive: true });
    const entries = new Map<Digest, SpoolEntry>();
    for (const name of await readdir(folder)) {
      const entry = name.startsWith(unfinishedPrefix)
        ? undefined
        : await readEntry(join(folder, name), name, log);
      if (entry) entries.set(entry.digest, entry);
      else if (name.startsWith(unfinishedPrefix))
        await rm(join(folder, name), { recursive: true, force: true });
    }
    return new Spool(folder, entries);
  }

  private constructor(folder: string, entries: Map<Digest, SpoolEntry>) {
    this.#folder = folder;
    this.#entries = entries;
  }

  /** Unsent results, oldest first. */
  get entries(): readonly SpoolEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.spooledAtMs - b.spooledAtMs);
  }

  get sizeBytes(): number {
    return this.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Stores a result durably; it is in the spool when this resolves. */
  async add(result: UnsentResult): Promise<SpoolEntry> {
    const digest = digestBytes(result.bytes);
    const target = join(this.#folder, digest);
    const unfinished = join(this.#folder, `${unfinishedPrefix}${digest}`);
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    for (const blob of result.blobs) await moveSynced(blob.path, join(unfinished, blob.digest));
    await writeSynced(join(unfinished, resultName), result.bytes);
    await syncFolder(unfinished);
    await rename(unfinished, target);
    await syncFolder(this.#folder);
    const entry = await describeEntry(target, digest, result);
    this.#put(entry);
    return entry;
  }

  /**
   * Keeps a result in memory, for where the disk takes no more: it is handed in like any other, and lost with the
   * process. For failures, which have no blobs.
   */
  hold({ bytes, jobId, fence }: Omit<UnsentResult, 'blobs'>): void {
    const digest = digestBytes(bytes);
    const resultPath = join(this.#folder, digest, resultName);
    const blobPath = (blob: Digest): string => join(this.#folder, digest, blob);
    const size = { sizeBytes: bytes.length, spooledAtMs: Date.now() };
    this.#put({ digest, jobId, fence, ...size, resultPath, bytes, blobPath, blobs: [] });
  }

  #put(entry: SpoolEntry): void {
    this.#entries.set(entry.digest, entry);
    for (const listener of this.#listeners) listener();
  }

  /** Removes an acknowledged result. */
  async remove(entry: SpoolEntry): Promise<void> {
    if (entry.bytes) {
      this.#entries.delete(entry.digest);
      return;
    }
    const leaving = join(this.#folder, `${unfinishedPrefix}${entry.digest}`);
    await rename(join(this.#folder, entry.digest), leaving);
    this.#entries.delete(entry.digest);
    await rm(leaving, { recursive: true, force: true });
  }

  /** Takes out a result that the coordinator will never take, and keeps it beside the spool for whoever looks into it. */
  async setAside(entry: SpoolEntry): Promise<void> {
    if (entry.bytes) return this.remove(entry);
    const refused = join(dirname(this.#folder), refusedName);
    await mkdir(refused, { recursive: true });
    await rm(join(refused, entry.digest), { recursive: true, force: true });
    await rename(join(this.#folder, entry.digest), join(refused, entry.digest));
    this.#entries.delete(entry.digest);
  }

  /** Calls back whenever a result was added. */
  onAdded(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

async function readEntry(path: string, name: string, log: Logger): Promise<SpoolEntry | undefined> {
  try {
    const bytes = await readFile(join(path, resultName));
    const { jobId, fence } = JSON.parse(bytes.toString('utf8')) as { jobId: string; fence: number };
    const digest = digestBytes(bytes);
    if (digest === name) return await describeEntry(path, digest, { jobId, fence });
    log.error(
      { path },
      'An unsent result no longer has its digest and is left alone; the disk may be failing.',
    );
  } catch (cause) {
    log.error({ path, cause: String(cause) }, 'An entry of the spool cannot be read and is left alone.');
  }
  return undefined;
}

async function describeEntry(
  path: string,
  digest: Digest,
  { jobId, fence }: Pick<UnsentResult, 'jobId' | 'fence'>,
): Promise<SpoolEntry> {
  const names = await readdir(path);
  const stats = await Promise.all(names.map((name) => stat(join(path, name))));
  return {
    digest,
    jobId,
    fence,
    sizeBytes: stats.reduce((sum, { size }) => sum + size, 0),
    spooledAtMs: stats[names.indexOf(resultName)]?.mtimeMs ?? 0,
    resultPath: join(path, resultName),
    blobs: names.filter((name) => name !== resultName) as Digest[],
    blobPath: (blob) => join(path, blob),
  };
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
