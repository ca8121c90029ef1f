import { QfleetError } from '@qfleet/shared/errors.ts';
import { hasErrno } from './has-errno.ts';

/** A disk, or the way to it, that fails: it may come back, and until then nothing helps but looking at it. */
const brokenCodes = ['EIO', 'EROFS', 'ENODEV', 'ENXIO', 'ESTALE'];

/**
 * Runs work that writes; a full disk becomes `resource-exhausted`, a failing one `unavailable`, both with the path and what to do.
 * Everything else passes.
 */
export async function explainDiskFailure<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const broken = brokenCodes.find((code) => hasErrno(thrown, code));
    if (broken) {
      throw new QfleetError(
        'unavailable',
        `The disk with the blobs failed (${broken} at ${path}); nothing was stored.`,
        {
          hint: 'Look into dmesg and check the disk and its mount on the coordinator; what is sent is tried again.',
          cause: thrown,
        },
      );
    }
    if (!hasErrno(thrown, 'ENOSPC') && !hasErrno(thrown, 'EDQUOT')) throw thrown;
    throw new QfleetError(
      'resource-exhausted',
      `The disk with the blobs is full; nothing was stored (${path}).`,
      {
        hint: 'Free some space; `./qfleet gc` shows what nothing refers to any more.',
        cause: thrown,
      },
    );
  }
}
