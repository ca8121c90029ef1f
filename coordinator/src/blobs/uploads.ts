import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BlobStore } from './blob-store.ts';
import { hasErrno } from './has-errno.ts';
import { sizeOf } from './size-of.ts';

/** An upload that nobody has continued, or that no result has come for, for so long is given up, milliseconds: 7 days. */
const uploadAgeMs = 7 * 24 * 3_600_000;

/** A whole upload leaves an empty file of this ending: its owner has shown the bytes. */
const wholeEnding = '.whole';

/**
 * Each owner's uploads, in a folder of its own: `<owner>/<digest>`, a part that grows; `<owner>/<digest>.whole`, a
 * receipt. What an owner has used is read from here and not counted, so that it cannot drift from what is stored.
 */
export interface Uploads {
  receivedBytes(owner: string, digest: Digest): Promise<number>;
  /** Where a part grows; its folder exists. */
  partPath(owner: string, digest: Digest): Promise<string>;
  markWhole(owner: string, digest: Digest): Promise<void>;
  list(
    owner: string,
    sizeOfBlob: (digest: Digest) => Promise<number | undefined>,
  ): ReturnType<BlobStore['listUploads']>;
  settle(owner: string, digests?: ReadonlySet<Digest>): Promise<void>;
}

/** Opens a folder of uploads; what is too old is dropped. */
export async function openUploads(folder: string): Promise<Uploads> {
  const folderOf = (owner: string): string => join(folder, checkOwner(owner));
  const pathOf = (owner: string, digest: Digest): string => join(folderOf(owner), parseDigest(digest));
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // Files lay here before uploads had owners.
    if (entry.isDirectory()) await dropOld(path);
    else await rm(path, { force: true });
  }
  return {
    receivedBytes: async (owner, digest) => (await sizeOf(pathOf(owner, digest))) ?? 0,
    partPath: async (owner, digest) => {
      const path = pathOf(owner, digest);
      await mkdir(folderOf(owner), { recursive: true, mode: 0o700 });
      return path;
    },
    markWhole: async (owner, digest) => {
      await (await open(`${pathOf(owner, digest)}${wholeEnding}`, 'w', 0o600)).close();
    },
    list: async (owner, sizeOfBlob) => {
      await dropOld(folderOf(owner));
      const uploads = new Map<Digest, { isWhole: boolean; sizeBytes: number }>();
      for (const name of await namesIn(folderOf(owner))) {
        const isWhole = name.endsWith(wholeEnding);
        const digest = parseDigest(isWhole ? name.slice(0, -wholeEnding.length) : name);
        // Gone meanwhile, or collected as garbage: it takes no room.
        const sizeBytes = isWhole ? await sizeOfBlob(digest) : await sizeOf(pathOf(owner, digest));
        if (sizeBytes !== undefined) uploads.set(digest, { isWhole, sizeBytes });
      }
      return uploads;
    },
    settle: async (owner, digests) => {
      for (const name of await namesIn(folderOf(owner))) {
        if (!name.endsWith(wholeEnding)) continue;
        const digest = parseDigest(name.slice(0, -wholeEnding.length));
        if (!digests || digests.has(digest)) await rm(join(folderOf(owner), name), { force: true });
      }
    },
  };
}

async function dropOld(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < Date.now() - uploadAgeMs) await rm(path, { force: true });
  }
}

/** None where there is no such folder yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** An owner's name becomes a path. */
function checkOwner(owner: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(owner)) return owner;
  throw new QfleetError('invalid-argument', `"${owner.slice(0, 80)}" is no id of an owner of uploads.`);
}
