import { randomBytes } from 'node:crypto';
import { createReadStream, statSync, unlinkSync } from 'node:fs';
import { chmod, copyFile, mkdir, opendir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Digest, digestBytes, digestFile, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { blobChunkBytes } from '@qfleet/shared/grpc/agent-service.ts';
import { appendUpload } from './append-upload.ts';
import type { BlobStore } from './blob-store.ts';
import { explainDiskFailure } from './explain-disk-failure.ts';
import { hasErrno } from './has-errno.ts';
import { publishFile } from './publish-file.ts';
import { blobPath, readBlob } from './read-blob.ts';
import { sizeOf } from './size-of.ts';
import { openUploads, type Uploads } from './uploads.ts';

/**
 * Opens the blobs of a folder: `sha256/<first two digits>/<digest>`, whole and verified; `tmp/`, emptied
 * here, since nothing in it outlives a process; `partial/`, each owner's uploads.
 */
export async function openFileBlobStore(folder: string): Promise<BlobStore> {
  await rm(join(folder, 'tmp'), { recursive: true, force: true });
  for (const part of ['sha256', 'tmp', 'partial']) {
    await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  }
  const uploads = await openUploads(join(folder, 'partial'));
  return new FileBlobStore(folder, uploads);
}

class FileBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #uploads: Uploads;
  /** Part files that somebody is appending to. */
  readonly #receiving = new Set<string>();

  constructor(folder: string, uploads: Uploads) {
    this.#folder = folder;
    this.#uploads = uploads;
  }

  stat(digest: Digest): Promise<number | undefined> {
    return sizeOf(this.#pathOf(digest));
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestBytes(bytes);
    if (await this.touch(digest)) return digest;
    return this.#add((temporary) => writeFile(temporary, bytes));
  }

  putFile(path: string): Promise<Digest> {
    return this.#add(async (temporary) => {
      await copyFile(path, temporary);
      // The copy has the mode of its source, which may be read-only.
      await chmod(temporary, 0o600);
    });
  }

  read(digest: Digest): Promise<Buffer> {
    return readBlob(this.#folder, digest);
  }

  async open(digest: Digest, offset: number): Promise<{ totalBytes: number; stream: Readable }> {
    const path = await this.path(digest);
    const totalBytes = (await stat(path)).size;
    if (offset > totalBytes) {
      throw new QfleetError(
        'out-of-range',
        `The blob ${digest} has ${totalBytes} bytes, asked from ${offset} on.`,
      );
    }
    const stream = createReadStream(path, { start: offset, highWaterMark: blobChunkBytes });
    return { totalBytes, stream };
  }

  async path(digest: Digest): Promise<string> {
    const path = this.#pathOf(digest);
    if ((await sizeOf(path)) === undefined) throw new QfleetError('not-found', `There is no blob ${digest}.`);
    return path;
  }

  async *list(): AsyncIterable<{ digest: Digest; sizeBytes: number; modifiedAtMs: number }> {
    const root = join(this.#folder, 'sha256');
    for await (const shard of await opendir(root)) {
      // Whatever else lies there is nobody's blob.
      if (!shard.isDirectory()) continue;
      for await (const entry of await opendir(join(root, shard.name))) {
        if (!/^[0-9a-f]{64}$/.test(entry.name)) continue;
        const found = await stat(join(root, shard.name, entry.name)).catch(() => undefined);
        if (!found) continue;
        yield { digest: parseDigest(entry.name), sizeBytes: found.size, modifiedAtMs: found.mtimeMs };
      }
    }
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#pathOf(digest), { force: true });
  }

  /** Look and removal stand in one turn of the event loop, so that a touch comes before or after both. */
  async removeUnused(digest: Digest, sinceMs: number): Promise<boolean> {
    const path = this.#pathOf(digest);
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return true;
    if (found.mtimeMs >= sinceMs) return false;
    unlinkSync(path);
    return true;
  }

  async touch(digest: Digest): Promise<boolean> {
    const now = new Date();
    try {
      await utimes(this.#pathOf(digest), now, now);
      return true;
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return false;
      throw error;
    }
  }

  receivedBytes(owner: string, digest: Digest): Promise<number> {
    return this.#uploads.receivedBytes(owner, digest);
  }

  async receive(upload: Parameters<BlobStore['receive']>[0]): Promise<{ existed: boolean }> {
    const { owner, digest } = upload;
    const partial = await this.#uploads.partPath(owner, digest);
    if (this.#receiving.has(partial)) {
      throw new QfleetError('unavailable', `Another upload of ${digest} is under way.`, {
        hint: 'Ask again in a moment; it may be complete then.',
      });
    }
    this.#receiving.add(partial);
    try {
      const whole = { path: this.#pathOf(digest), exists: () => this.touch(digest) };
      const existed = await explainDiskFailure(partial, () => appendUpload({ ...upload, partial, whole }));
      await explainDiskFailure(partial, () => this.#uploads.markWhole(owner, digest));
      return { existed };
    } catch (error) {
      // A full disk is not helped by half a blob, and bytes with another digest help nobody.
      const isHopeless =
        error instanceof QfleetError && ['resource-exhausted', 'digest-mismatch'].includes(error.code);
      if (isHopeless) await rm(partial, { force: true });
      throw error;
    } finally {
      this.#receiving.delete(partial);
    }
  }

  listUploads(owner: string): ReturnType<BlobStore['listUploads']> {
    return this.#uploads.list(owner, (digest) => this.stat(digest));
  }

  settleUploads(owner: string, digests?: ReadonlySet<Digest>): Promise<void> {
    return this.#uploads.settle(owner, digests);
  }

  /** The digest is taken of what was written, so that a source that changes meanwhile cannot spoil it. */
  #add(write: (path: string) => Promise<void>): Promise<Digest> {
    const temporary = join(this.#folder, 'tmp', randomBytes(12).toString('hex'));
    return explainDiskFailure(temporary, async () => {
      try {
        await write(temporary);
        const digest = await digestFile(temporary);
        if (!(await this.touch(digest))) await publishFile(temporary, this.#pathOf(digest));
        return digest;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  #pathOf(digest: Digest): string {
    return blobPath(this.#folder, digest);
  }
}
