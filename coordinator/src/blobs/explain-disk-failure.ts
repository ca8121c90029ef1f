import { QfleetError } from '@qfleet/shared/errors.ts';
import { hasErrno } from './has-errno.ts';

/** Runs work that writes; a full disk becomes `resource-exhausted` with what to do, everything else passes. */
export async function explainDiskFailure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!hasErrno(thrown, 'ENOSPC') && !hasErrno(thrown, 'EDQUOT')) throw thrown;
    throw new QfleetError('resource-exhausted', 'The disk with the blobs is full; nothing was stored.', {
      hint: 'Free some space; `./qfleet gc` shows what nothing refers to any more.',
      cause: thrown,
    });
  }
}
