import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { openUserFile } from '../../files/open-user-file.ts';
import { refused } from '../refused.ts';
import { unpacked } from './open-bytes.ts';

/** A file in a zip archive, as the central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** Of its local header. */
  readonly offset: number;
  readonly encrypted: boolean;
  readonly link: boolean;
}

/** The central directory, which is held in memory, may be so large, bytes. */
const maxDirectoryBytes = 256 * 2 ** 20;
/** ImageNet has 1.3 million; an entry takes 46 bytes in the file and some 300 in memory. */
const maxEntries = 2_000_000;
/** The end record and the longest comment that can follow it (APPNOTE 4.3.16). */
const maxEndBytes = 22 + 65_535;

/**
 * Files of a zip archive in the order of its central directory, which also says how long each is: a
 * truncated archive has none and is `refused`. PKWARE APPNOTE 6.3.10, with ZIP64.
 */
export async function listZip(path: string): Promise<ZipEntry[]> {
  await using file = await openUserFile(path);
  const fileBytes = (await file.stat()).size;
  const end = await findEnd(file, fileBytes);
  if (end.directoryBytes > maxDirectoryBytes || end.directoryOffset + end.directoryBytes > fileBytes)
    throw damaged('its central directory lies outside the file');
  const directory = await readAt(file, end.directoryOffset, end.directoryBytes);
  const entries = parseDirectory(directory);
  if (entries.length !== end.count) throw damaged(`${end.count} entries announced, ${entries.length} listed`);
  return entries.filter((entry) => !entry.name.endsWith('/'));
}

/**
 * The unpacked bytes of an entry. Throws `refused` where they are more than the directory says (what a
 * decompression bomb does), fewer, or have another CRC-32, and where the entry is encrypted or packed by
 * another method than deflate.
 */
export async function* openZipEntry(path: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  const packed = await packedStream(path, entry);
  const bytes = entry.method === 8 ? unpacked(packed, createInflateRaw(), entry.name) : packed;
  let crc = 0;
  let sizeBytes = 0;
  for await (const piece of bytes as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > entry.sizeBytes) throw damaged(`${entry.name} unpacks to more than it announces`);
    crc = crc32(piece, crc);
    yield piece;
  }
  if (sizeBytes !== entry.sizeBytes)
    throw damaged(`${entry.name}: expected ${entry.sizeBytes} bytes, got ${sizeBytes}`);
  if (crc !== entry.crc) throw damaged(`${entry.name} has the wrong CRC-32`);
}

async function packedStream(path: string, entry: ZipEntry): Promise<Readable> {
  if (entry.encrypted)
    throw refused(`${entry.name} is encrypted.`, 'Pack the archive again without a password.');
  if (entry.method !== 0 && entry.method !== 8) {
    throw refused(
      `${entry.name} is packed by method ${entry.method}; stored (0) and deflated (8) are supported.`,
      'Pack the archive again with deflate: zip -r data.zip FOLDER',
    );
  }
  const file = await openUserFile(path);
  try {
    const local = await readAt(file, entry.offset, 30);
    if (local.readUInt32LE(0) !== 0x04034b50) throw damaged(`no local header for ${entry.name}`);
    const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (entry.packedBytes > 0) {
      const end = start + entry.packedBytes - 1;
      return file.createReadStream({ start, end, highWaterMark: 256 * 1024 });
    }
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
  await file.close();
  return Readable.from([]);
}

interface DirectoryEnd {
  readonly count: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
}

async function findEnd(file: FileHandle, fileBytes: number): Promise<DirectoryEnd> {
  const tailBytes = Math.min(fileBytes, maxEndBytes);
  const tail = await readAt(file, fileBytes - tailBytes, tailBytes);
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (at < 0 || at + 22 > tail.length) throw damaged('its end record is missing, so it is truncated');
  const end = {
    count: tail.readUInt16LE(at + 10),
    directoryBytes: tail.readUInt32LE(at + 12),
    directoryOffset: tail.readUInt32LE(at + 16),
  };
  const isZip64 = end.count === 0xffff || end.directoryOffset === 0xffffffff;
  if (!isZip64 || at < 20 || tail.readUInt32LE(at - 20) !== 0x07064b50) return end;
  const record = await readAt(file, readUint64(tail, at - 20 + 8), 56);
  return {
    count: readUint64(record, 32),
    directoryBytes: readUint64(record, 40),
    directoryOffset: readUint64(record, 48),
  };
}

function parseDirectory(directory: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === 0x02014b50) {
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const extraAt = at + 46 + nameBytes;
    const next = extraAt + extraBytes + directory.readUInt16LE(at + 32);
    if (next > directory.length) throw damaged('its central directory is cut off');
    if (entries.length >= maxEntries) {
      throw refused(`The zip archive has more than ${maxEntries} entries.`, 'Import a part of it.');
    }
    entries.push(
      parseEntry(directory.subarray(at, extraAt), directory.subarray(extraAt, extraAt + extraBytes)),
    );
    at = next;
  }
  return entries;
}

function parseEntry(header: Buffer, extra: Buffer): ZipEntry {
  const wide = {
    sizeBytes: header.readUInt32LE(24),
    packedBytes: header.readUInt32LE(20),
    offset: header.readUInt32LE(42),
  };
  const madeByUnix = header.readUInt8(5) === 3;
  const unixMode = header.readUInt32LE(38) >>> 16;
  return {
    name: header.subarray(46).toString('utf8'),
    method: header.readUInt16LE(10),
    crc: header.readUInt32LE(16),
    ...widen(wide, extra),
    encrypted: (header.readUInt16LE(8) & 1) === 1,
    link: madeByUnix && (unixMode & 0xf000) === 0xa000,
  };
}

/** Sizes of 2^32 − 1 stand for those in the ZIP64 extra field (id 1), in this order, only those that are needed. */
function widen<T extends { sizeBytes: number; packedBytes: number; offset: number }>(
  sizes: T,
  extra: Buffer,
): T {
  const field = findExtra(extra, 1);
  let at = 0;
  const take = (value: number): number => {
    if (value !== 0xffffffff || !field) return value;
    if (at + 8 > field.length) throw damaged('a ZIP64 field is cut off');
    at += 8;
    return readUint64(field, at - 8);
  };
  const sizeBytes = take(sizes.sizeBytes);
  const packedBytes = take(sizes.packedBytes);
  return { ...sizes, sizeBytes, packedBytes, offset: take(sizes.offset) };
}

function findExtra(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const sizeBytes = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, at + 4 + sizeBytes);
    at += 4 + sizeBytes;
  }
  return undefined;
}

function readUint64(buffer: Buffer, at: number): number {
  const value = Number(buffer.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw damaged('it announces a size beyond 2^53 bytes');
  return value;
}

async function readAt(file: FileHandle, position: number, sizeBytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, position);
  if (bytesRead < sizeBytes) throw damaged('it ends in the middle of a header');
  return buffer;
}

function damaged(why: string): Error {
  return refused(`The zip archive is damaged: ${why}.`, 'Copy or download the archive again.');
}
