import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * Opens for reading a file that a user named. It never waits: a named pipe without a writer would hold one of the few
 * threads that do all file work until somebody writes. Throws `refused` for what is no regular file, `not-found`.
 */
export async function openUserFile(path: string, flags = 0): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags).catch(
    (thrown: unknown) => {
      // A socket cannot be opened at all; a device may have no driver.
      if (['ENXIO', 'ENODEV'].includes((thrown as NodeJS.ErrnoException).code ?? ''))
        throw notRegular(path, thrown);
      throw QfleetError.from(thrown);
    },
  );
  try {
    if ((await file.stat()).isFile()) return file;
    throw notRegular(path);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** A whole file that a user named, read up to a limit; throws as `openUserFile` and `refused` for more bytes. */
export async function readUserFile(path: string, maxBytes: number): Promise<Buffer> {
  await using file = await openUserFile(path);
  const { size } = await file.stat();
  if (size <= maxBytes) return await file.readFile();
  throw new QfleetError('refused', `"${path}" has ${size} bytes; expected at most ${maxBytes}.`, {
    hint: 'Check that it is the file that was meant.',
  });
}

function notRegular(path: string, cause?: unknown): QfleetError {
  return new QfleetError('refused', `"${path}" is no regular file.`, {
    hint: 'Name the file itself.',
    cause,
  });
}
