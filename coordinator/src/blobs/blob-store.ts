import type { Readable } from 'node:stream';
import type { Digest } from '@qfleet/shared/digest.ts';

/**
 * Files named by their SHA-256: written to a temporary file, synced, renamed, read-only, never executable.
 * What a method returned is durable.
 */
export interface BlobStore {
  /** Size in bytes, or undefined where there is none. */
  stat(digest: Digest): Promise<number | undefined>;
  put(bytes: Uint8Array): Promise<Digest>;
  /** Copies a file in. */
  putFile(path: string): Promise<Digest>;
  /** Whole content; throws `not-found`, and `digest-mismatch` where the disk has changed it. */
  read(digest: Digest): Promise<Buffer>;
  /** From `offset` on, in pieces of 256 KiB; throws `not-found`, `out-of-range`. */
  open(digest: Digest, offset: number): Promise<{ totalBytes: number; stream: Readable }>;
  /** Path of the read-only file, for child processes that load models by path; throws `not-found`. */
  path(digest: Digest): Promise<string>;
  /** Marks a blob as wanted just now, so that garbage collection spares it for its grace period; false where there is none. */
  touch(digest: Digest): Promise<boolean>;
  list(): AsyncIterable<{ digest: Digest; sizeBytes: number; modifiedAtMs: number }>;
  remove(digest: Digest): Promise<void>;
  /** Removes it if it was neither written nor touched since; says whether it is gone. */
  removeUnused(digest: Digest, sinceMs: number): Promise<boolean>;
  /** Bytes of an owner's unfinished upload. */
  receivedBytes(owner: string, digest: Digest): Promise<number>;
  /**
   * Appends to an owner's unfinished upload at `offset` (throws `out-of-range` if that is not its end); verifies and
   * renames when `totalBytes` are there. Owners do not see each other: the same blob from another one comes as a file
   * of its own, and only its last byte shows that it was here.
   */
  receive(upload: {
    owner: string;
    digest: Digest;
    totalBytes: number;
    offset: number;
    source: AsyncIterable<Uint8Array>;
  }): Promise<{ existed: boolean }>;
  /** What an owner has uploaded since it was last settled and is still here, bytes by digest: parts and whole blobs. */
  listUploads(owner: string): Promise<ReadonlyMap<Digest, { isWhole: boolean; sizeBytes: number }>>;
  /** Forgets an owner's whole uploads, all or these: something refers to them now, or nothing ever will. The blobs stay. */
  settleUploads(owner: string, digests?: ReadonlySet<Digest>): Promise<void>;
}
