import { QfleetError } from '@qfleet/shared/errors.ts';

/** System errors that say that something else is where a part of the data folder should be, or that it is not ours. */
const inTheWay = ['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ELOOP', 'EACCES', 'EPERM', 'EIO', 'EROFS'];

/**
 * Opens or makes a part of the data folder. Where the system refuses, that is a `configuration` failure (exit 78) that
 * names the part and says what to do; all else passes.
 */
export async function usePart<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    if (!inTheWay.includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    throw new QfleetError('configuration', `${path} cannot be used: ${(cause as Error).message}.`, {
      hint: 'Check its owner and mode and the disk; move away what is in its place, or restore it from a backup.',
      cause,
    });
  }
}
