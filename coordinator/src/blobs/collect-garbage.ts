import type { Digest } from '@qfleet/shared/digest.ts';
import type { BlobStore } from './blob-store.ts';

/** An upload may wait this long for the result that refers to it, milliseconds. */
export const defaultGraceMs = 3_600_000;

/** What became of the blobs. */
export interface BlobGarbage {
  /** What nothing refers to and the grace period has passed for, largest first. */
  readonly unused: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
  readonly unusedBytes: number;
  /** Unreferenced, but too young to go. */
  readonly sparedCount: number;
  readonly sparedBytes: number;
  readonly keptCount: number;
  /** Removed, not merely found; 0 in a dry run. */
  readonly removedCount: number;
  readonly removedBytes: number;
}

export interface GarbageOptions {
  readonly blobs: BlobStore;
  /** Digests to keep, asked for after the blobs were listed: what came in between is young and spared anyway. */
  readonly referencedBlobs: () => Promise<ReadonlySet<string>>;
  /** Milliseconds since 1970, by the clock of the blobs' file system. */
  readonly nowMs: number;
  readonly graceMs?: number;
  /** Blobs whose records were removed just now: they go at once, unless they were written or touched since. */
  readonly released?: { readonly digests: ReadonlySet<string>; readonly sinceMs: number };
  /** Only say what would go. */
  readonly dryRun: boolean;
}

/** Finds, and unless it is a dry run removes, the blobs that nothing refers to. */
export async function collectGarbage(options: GarbageOptions): Promise<BlobGarbage> {
  const listed = await listAll(options.blobs);
  const referenced = await options.referencedBlobs();
  const oldestSparedMs = options.nowMs - (options.graceMs ?? defaultGraceMs);
  const sinceMsOf = ({ digest }: Sized): number =>
    options.released?.digests.has(digest) ? options.released.sinceMs : oldestSparedMs;
  const unreferenced = listed.filter((blob) => !referenced.has(blob.digest));
  const spared = unreferenced.filter((blob) => blob.modifiedAtMs >= sinceMsOf(blob));
  const unused = unreferenced
    .filter((blob) => blob.modifiedAtMs < sinceMsOf(blob))
    .map(({ digest, sizeBytes }) => ({ digest, sizeBytes }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.digest < b.digest ? -1 : 1));
  const removed = options.dryRun ? [] : await removeAll(options.blobs, unused, sinceMsOf);
  return {
    unused,
    unusedBytes: sumBytes(unused),
    sparedCount: spared.length,
    sparedBytes: sumBytes(spared),
    keptCount: listed.length - unreferenced.length,
    removedCount: removed.length,
    removedBytes: sumBytes(removed),
  };
}

type Sized = { readonly digest: Digest; readonly sizeBytes: number };

async function listAll(blobs: BlobStore): Promise<(Sized & { readonly modifiedAtMs: number })[]> {
  const listed: (Sized & { readonly modifiedAtMs: number })[] = [];
  for await (const blob of blobs.list()) listed.push(blob);
  return listed;
}

async function removeAll(
  blobs: BlobStore,
  unused: readonly Sized[],
  sinceMsOf: (blob: Sized) => number,
): Promise<Sized[]> {
  const removed: Sized[] = [];
  for (const blob of unused) if (await blobs.removeUnused(blob.digest, sinceMsOf(blob))) removed.push(blob);
  return removed;
}

function sumBytes(blobs: readonly Sized[]): number {
  return blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
}
