import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestBytes, digestFile } from '@qfleet/shared/digest.ts';

/** Blobs that a job makes, as files named by their digests, until the spool takes them. */
export class ResultBlobs {
  readonly #folder: string;
  readonly #digests = new Set<Digest>();

  /** An empty folder; what an earlier attempt left there is removed. */
  static async create(folder: string): Promise<ResultBlobs> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    return new ResultBlobs(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  get files(): { readonly digest: Digest; readonly path: string }[] {
    return [...this.#digests].map((digest) => ({ digest, path: join(this.#folder, digest) }));
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestBytes(bytes);
    if (this.#digests.has(digest)) return digest;
    await writeFile(join(this.#folder, digest), bytes);
    this.#digests.add(digest);
    return digest;
  }

  async putFile(path: string): Promise<Digest> {
    const digest = await digestFile(path);
    // A copy of a read-only file is read-only, and could not be written a second time.
    if (this.#digests.has(digest)) return digest;
    await copyFile(path, join(this.#folder, digest));
    this.#digests.add(digest);
    return digest;
  }
}
