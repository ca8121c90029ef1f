import { hasImageName, supportedImageFormats } from '../images/image-format.ts';
import { refused } from '../refused.ts';
import { checkEntryName, type ImageFile, imageItems } from './image-items.ts';
import type { DatasetReader, ReadOptions } from './item-reader.ts';
import type { SourceFacts } from './sniff-source.ts';
import { tarEntries } from './tar-entries.ts';
import { openZipEntry } from './zip-entries.ts';

/** A .tar, .tar.gz or .zip of images, read without unpacking it to disk. Items keep the archive's order. */
export const imageArchiveReader: DatasetReader = {
  id: 'image-archive',
  describes: 'a .tar, .tar.gz or .zip archive of such a folder',
  accepts: (source) => source.kind === 'file' && (source.zipEntries !== undefined || isTar(source.head)),
  open: async (source, options) => ({
    source: `image-archive: ${source.baseName}`,
    expectedCount: source.kind === 'file' ? source.zipEntries?.filter(isImageEntry).length : undefined,
    items: imageItems(archiveImages(source, options), options),
  }),
};

interface ArchiveEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly link: boolean;
  readonly bytes: AsyncIterable<Uint8Array>;
}

function isTar(head: Buffer): boolean {
  return head.toString('latin1', 257, 262) === 'ustar';
}

/** macOS adds `._name` companions, which are no images. */
function isImageEntry({ name }: { name: string }): boolean {
  return hasImageName(name) && !/(^|\/)\./.test(name);
}

async function* archiveImages(source: SourceFacts, options: ReadOptions): AsyncGenerator<ImageFile> {
  const { limits } = options;
  let count = 0;
  let others = 0;
  let totalBytes = 0;
  for await (const entry of archiveEntries(source)) {
    checkEntry(entry, limits.maxItemBytes);
    totalBytes += entry.sizeBytes;
    if (totalBytes > limits.maxTotalBytes || count > limits.maxItems)
      throw refused(
        `The archive holds more than ${limits.maxTotalBytes} bytes or ${limits.maxItems} images.`,
        'Import a part of it.',
      );
    if (!isImageEntry(entry)) {
      others += 1;
      continue;
    }
    count += 1;
    yield { name: entry.name.replace(/^(\.\/)+/, ''), bytes: await collect(entry) };
  }
  if (others > 0) options.note(`Entries that are no images were left out: ${others}.`);
  if (count === 0)
    throw refused(
      `The archive ${source.baseName} holds no images (${supportedImageFormats}).`,
      'Name an archive of images in folders by class.',
    );
}

function archiveEntries(source: SourceFacts): AsyncIterable<ArchiveEntry> {
  if (source.kind === 'file' && source.zipEntries) return zipFiles(source.path, source.zipEntries);
  return tarEntries(source.path, source.baseName, source.kind === 'file' && source.gzip);
}

async function* zipFiles(
  path: string,
  entries: NonNullable<Extract<SourceFacts, { kind: 'file' }>['zipEntries']>,
): AsyncGenerator<ArchiveEntry> {
  for (const entry of entries) yield { ...entry, bytes: openZipEntry(path, entry) };
}

function checkEntry(entry: ArchiveEntry, maxItemBytes: number): void {
  checkEntryName(entry.name);
  if (entry.link)
    throw refused(
      `The archive has a link, ${JSON.stringify(entry.name)}; only files are taken.`,
      'Pack it with the files themselves: tar -chf data.tar FOLDER',
    );
  if (entry.sizeBytes > maxItemBytes)
    throw refused(
      `${entry.name} has ${entry.sizeBytes} bytes, at most ${maxItemBytes}.`,
      'Remove that file.',
    );
}

async function collect(entry: ArchiveEntry): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}
