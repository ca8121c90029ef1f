import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { openUserFile } from '../../files/open-user-file.ts';
import { refused } from '../refused.ts';

/** The bytes of a file, unpacked where it is gzip; throws `refused` where the packing is damaged or ends early. */
export async function* openBytes(path: string, what: string, gzip: boolean): AsyncGenerator<Buffer> {
  const file = (await openUserFile(path)).createReadStream({ highWaterMark: 256 * 1024 });
  if (gzip) yield* unpacked(file, createGunzip(), what);
  else yield* file as AsyncIterable<Buffer>;
}

/** Sends a stream through a zlib transform; throws `refused` where the packing is damaged or ends early. */
export async function* unpacked(
  packed: Readable,
  transform: ReturnType<typeof createGunzip>,
  what: string,
): AsyncGenerator<Buffer> {
  packed.on('error', (error) => transform.destroy(error));
  packed.pipe(transform);
  try {
    yield* transform as AsyncIterable<Buffer>;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw refused(
      `${what} is damaged or truncated: ${error.message}.`,
      'Copy or download the file again.',
      error,
    );
  } finally {
    packed.destroy();
    transform.destroy();
  }
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
