import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { tarEntries } from '../artefacts/readers/tar-entries.ts';
import { readUserFile } from '../files/open-user-file.ts';

/** A text file of a source, by its path inside it. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Text files that are read whole: larger ones are traces, which nobody asked for. */
const maxFileBytes = 4 * 2 ** 20;
/** One that is named itself. */
const maxNamedBytes = 32 * 2 ** 20;
/** All together are held in memory; MLPerf's rounds have some 20 MB of such texts. */
const maxTotalBytes = 256 * 2 ** 20;

/**
 * The files of a folder or of a tar archive (also gzip) that are wanted, in the order of their paths, and the SHA-256 over
 * all of them. Throws `refused` for a damaged archive, `not-found` where nothing is there.
 */
export async function readSource(
  path: string,
  isWanted: (name: string) => boolean,
): Promise<{ readonly files: readonly SourceFile[]; readonly digest: string }> {
  const found = (await stat(path)).isDirectory()
    ? await readFolder(path, isWanted)
    : await readOne(path, isWanted);
  const files = found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.path}\0${file.text}\0`);
  if (files.length > 0) return { files, digest: hash.digest('hex') };
  throw new QfleetError('not-found', `There is nothing to import in ${path}.`, {
    hint: 'Give the folder or archive as it was published.',
  });
}

async function readFolder(root: string, isWanted: (name: string) => boolean): Promise<SourceFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files: SourceFile[] = [];
  for (const entry of entries) {
    const full = join(entry.parentPath, entry.name);
    const name = relative(root, full);
    if (!entry.isFile() || !isWanted(name)) continue;
    if ((await stat(full)).size <= maxFileBytes) add(files, name, await readUserFile(full, maxFileBytes));
  }
  return files;
}

async function readOne(path: string, isWanted: (name: string) => boolean): Promise<SourceFile[]> {
  if (!/\.(tar|tar\.gz|tgz)$/i.test(path)) {
    return [{ path, text: (await readUserFile(path, maxNamedBytes)).toString('utf8') }];
  }
  const files: SourceFile[] = [];
  for await (const entry of tarEntries(path, path, /gz$/i.test(path))) {
    if (entry.link || entry.sizeBytes > maxFileBytes || !isWanted(entry.name)) continue;
    const pieces: Uint8Array[] = [];
    for await (const piece of entry.bytes) pieces.push(piece);
    add(files, entry.name, Buffer.concat(pieces));
  }
  return files;
}

function add(files: SourceFile[], path: string, bytes: Buffer): void {
  files.push({ path, text: bytes.toString('utf8') });
  if (files.reduce((sum, { text }) => sum + text.length, 0) <= maxTotalBytes) return;
  throw new QfleetError('refused', `The source has more than ${maxTotalBytes} bytes of text.`, {
    hint: 'Import a part of it.',
  });
}
