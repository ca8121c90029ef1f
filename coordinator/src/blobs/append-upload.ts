import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, rm } from 'node:fs/promises';
import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { openToAppend } from '@qfleet/shared/open-to-append.ts';
import { publishFile } from './publish-file.ts';

export interface Upload {
  readonly digest: Digest;
  /** Size of the whole blob. */
  readonly totalBytes: number;
  /** Where `source` begins; has to be the end of the partial file. */
  readonly offset: number;
  readonly source: AsyncIterable<Uint8Array>;
  /** The file that grows. */
  readonly partial: string;
  /** Where it goes once it is whole, unless it is there already by then. */
  readonly whole: { readonly path: string; readonly exists: () => Promise<boolean> };
}

/**
 * Appends to a partial file and publishes it when it is whole and has its digest. Where the source ends or
 * breaks before, what came stays for the next attempt. True where the blob was here already. Throws `out-of-range` for an offset that is not the
 * end, `invalid-argument` for more bytes than announced, `digest-mismatch`, `unavailable` when cut short.
 */
export async function appendUpload(upload: Upload): Promise<boolean> {
  const file = await openToAppend(upload.partial);
  let sizeBytes: number;
  const hash = createHash('sha256');
  try {
    sizeBytes = (await file.stat()).size;
    checkOffset(upload, sizeBytes);
    if (sizeBytes > 0) await hashPrefix(file, hash);
    for await (const data of upload.source) {
      sizeBytes += data.length;
      checkSize(upload, sizeBytes);
      hash.update(data);
      await writeAll(file, data);
    }
  } finally {
    await file.close();
  }
  if (sizeBytes < upload.totalBytes) {
    const message = `The upload of ${upload.digest} ended at ${sizeBytes} of ${upload.totalBytes} bytes.`;
    throw new QfleetError('unavailable', message, { hint: 'Resume it there.' });
  }
  const found = hash.digest('hex');
  if (found !== upload.digest) {
    throw new QfleetError(
      'digest-mismatch',
      `Expected the digest ${upload.digest}, the bytes have ${found}.`,
      {
        hint: 'Upload it again from the beginning.',
      },
    );
  }
  if (await upload.whole.exists()) {
    await rm(upload.partial, { force: true });
    return true;
  }
  await publishFile(upload.partial, upload.whole.path);
  return false;
}

/** The state of a SHA-256 cannot be saved in Node, so a resumed upload reads its beginning again. */
async function hashPrefix(file: FileHandle, hash: Hash): Promise<void> {
  const stream = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
  for await (const data of stream) hash.update(data as Buffer);
}

/** A write may be short, and a short one is how a full disk shows itself first. */
async function writeAll(file: FileHandle, data: Uint8Array): Promise<void> {
  let written = 0;
  while (written < data.length) written += (await file.write(data, written)).bytesWritten;
}

function checkOffset(upload: Upload, sizeBytes: number): void {
  if (upload.offset === sizeBytes) return;
  throw new QfleetError(
    'out-of-range',
    `The upload of ${upload.digest} has ${sizeBytes} bytes so far; it was continued at ${upload.offset}.`,
    { hint: `Continue at ${sizeBytes}.` },
  );
}

function checkSize(upload: Upload, sizeBytes: number): void {
  if (sizeBytes <= upload.totalBytes) return;
  throw new QfleetError(
    'invalid-argument',
    `More than the ${upload.totalBytes} bytes announced for ${upload.digest}.`,
  );
}
