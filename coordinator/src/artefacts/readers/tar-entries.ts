import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { refused } from '../refused.ts';
import { openBytes } from './open-bytes.ts';

export interface TarEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly link: boolean;
  /** To be read before the next entry is asked for, or left. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Files of a tar archive (also gzip) in its order, without writing any to disk. Throws `refused` where it
 * is damaged or ends early: a tar archive ends in blocks of zeros, so one without them was cut off.
 */
export async function* tarEntries(path: string, what: string, gzip: boolean): AsyncGenerator<TarEntry> {
  const ending = { trailingZeros: 0 };
  const archive = extract();
  const bytes = Readable.from(watchEnding(openBytes(path, what, gzip), ending));
  bytes.on('error', (error) => archive.destroy(error));
  bytes.pipe(archive);
  try {
    for await (const entry of archive) {
      const { name, size, type } = entry.header;
      const link = type === 'link' || type === 'symlink';
      if (type !== 'directory') yield { name, sizeBytes: size ?? 0, link, bytes: explained(entry, what) };
      entry.resume();
    }
  } catch (error) {
    throw explain(error, what);
  } finally {
    bytes.destroy();
    archive.destroy();
  }
  if (ending.trailingZeros < 512) throw damaged(what, 'it does not end in a block of zeros');
}

/** Passes bytes on and counts the zeros at their end. */
async function* watchEnding(
  source: AsyncIterable<Buffer>,
  ending: { trailingZeros: number },
): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    let at = piece.length;
    while (at > 0 && piece.length - at < 512 && piece[at - 1] === 0) at -= 1;
    ending.trailingZeros = at === 0 ? ending.trailingZeros + piece.length : piece.length - at;
    yield piece;
  }
}

/** An entry's bytes; that the archive ends early is seen there first. */
async function* explained(entry: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* entry;
  } catch (error) {
    throw explain(error, what);
  }
}

const tarErrors = /Unexpected end of data|Invalid tar header|Invalid header|Header exceeds max size/;

function explain(error: unknown, what: string): unknown {
  const isTarError = error instanceof Error && tarErrors.test(error.message);
  return isTarError ? damaged(what, error.message, error) : error;
}

function damaged(what: string, why: string, cause?: unknown): Error {
  return refused(`${what} is damaged or truncated: ${why}.`, 'Copy or download the archive again.', cause);
}
