import { readdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { openUserFile } from '../../files/open-user-file.ts';
import { openBytes } from './open-bytes.ts';
import { listZip, type ZipEntry } from './zip-entries.ts';

/** What can be said of a path before it is read. */
export type SourceFacts =
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly baseName: string;
      readonly names: readonly string[];
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly baseName: string;
      readonly gzip: boolean;
      /** The first bytes, at most 512, unpacked where the file is gzip. */
      readonly head: Buffer;
      /** Present where the file is a zip archive. */
      readonly zipEntries: readonly ZipEntry[] | undefined;
    };

/** Looks at a path: a directory's names, a file's first bytes. Throws `not-found`, `refused` where a zip or gzip file is damaged. */
export async function sniffSource(path: string): Promise<SourceFacts> {
  const baseName = basename(path);
  const facts = await stat(path).catch((error: unknown) => {
    throw new QfleetError('not-found', `There is no dataset at ${path}.`, {
      hint: 'Check the path.',
      cause: error,
    });
  });
  if (facts.isDirectory())
    return { kind: 'directory', path, baseName, names: (await readdir(path)).sort(byCodeUnits) };
  const raw = await readHead(path);
  const gzip = raw[0] === 0x1f && raw[1] === 0x8b;
  const head = gzip ? await unpackHead(path, baseName) : raw;
  const isZip = !gzip && raw.length >= 4 && raw.readUInt32LE(0) === 0x04034b50;
  const zipEntries = isZip ? await listZip(path) : undefined;
  return { kind: 'file', path, baseName, gzip, head, zipEntries };
}

/** An order of names that is the same on every machine, whatever its language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function readHead(path: string): Promise<Buffer> {
  await using file = await openUserFile(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
  return buffer.subarray(0, bytesRead);
}

/** Up to 512 unpacked bytes; fewer where the file holds fewer. */
async function unpackHead(path: string, what: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of openBytes(path, what, true)) {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes >= 512) break;
  }
  return Buffer.concat(pieces).subarray(0, 512);
}
