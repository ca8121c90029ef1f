import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestBytes, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { hasErrno } from './has-errno.ts';

/** Where a folder of blobs keeps one. */
export function blobPath(folder: string, digest: Digest): string {
  return join(folder, 'sha256', digest.slice(0, 2), parseDigest(digest));
}

/**
 * A blob of a folder that another thread has open as its store. Throws `not-found`, and `digest-mismatch` where the disk
 * has changed it.
 */
export async function readBlob(folder: string, digest: Digest): Promise<Buffer> {
  const bytes = await readFile(blobPath(folder, digest)).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) throw new QfleetError('not-found', `There is no blob ${digest}.`);
    throw error;
  });
  const found = digestBytes(bytes);
  if (found === digest) return bytes;
  throw new QfleetError(
    'digest-mismatch',
    `The blob ${digest} has changed on the disk: it is ${found} now.`,
    { hint: 'Check the disk; then add the model or dataset again, or repeat the run.' },
  );
}
