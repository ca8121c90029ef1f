import { type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { SubmitResultRequest } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import { maxMessageBytes } from '@qfleet/shared/grpc/agent-service.ts';
import type { TransferLog } from '../blobs/transfer-log.ts';
import { uploadBlob } from '../blobs/upload-blob.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { callUnary, deadlineMsFor } from '../session/call-unary.ts';
import type { Link } from '../session/link.ts';
import { missingBlobs } from './judge-delivery-failure.ts';
import { changedResult, type SpoolEntry } from './spool.ts';

export interface EntryDelivery {
  readonly link: Link;
  /** The device's Ed25519 key. */
  readonly key: KeyObject;
  /** Where the speed of uploads is noted. */
  readonly transfers?: TransferLog;
  /** The largest result that the coordinator takes as a blob; undefined while it has not said so. */
  readonly maxUploadedResultBytes: () => number | undefined;
  readonly signal: AbortSignal;
}

/** A larger result is uploaded, so that it resumes where it broke off; a smaller one comes in the message. */
const maxInlineBytes = 64 * 1024;
/** What a message holds besides the result. */
const messageOverheadBytes = 1024;

/**
 * Submits one result: blobs first, then the result, as a blob itself where it is large; where the coordinator still misses blobs, those and the result
 * again. Nothing is sent that the disk has changed. Resolves once the result is committed.
 */
export async function deliverEntry(
  entry: SpoolEntry,
  delivery: EntryDelivery,
): Promise<SubmitResultResponse__Output> {
  await uploadBlobs(entry, entry.blobs, delivery);
  const bytes = await readResult(entry);
  const isUploaded = !entry.bytes && isToBeUploaded(bytes.length, delivery);
  if (isUploaded) await uploadResult(entry, delivery);
  try {
    return await submit(entry, { bytes, isUploaded }, delivery);
  } catch (thrown) {
    const named = missingBlobs(thrown);
    const missing = entry.blobs.filter((digest) => named.includes(digest));
    const isResultMissing = isUploaded && named.includes(entry.digest);
    if (missing.length === 0 && !isResultMissing) throw thrown;
    await uploadBlobs(entry, missing, delivery);
    if (isResultMissing) await uploadResult(entry, delivery);
    return await submit(entry, { bytes, isUploaded }, delivery);
  }
}

/** Whether a result of that size has to be uploaded; throws where the coordinator takes none of that size. */
function isToBeUploaded(sizeBytes: number, { maxUploadedResultBytes }: EntryDelivery): boolean {
  if (sizeBytes <= maxInlineBytes) return false;
  const maxUploadedBytes = maxUploadedResultBytes();
  if (maxUploadedBytes === undefined)
    throw new QfleetError('no-coordinator', 'The coordinator has not said yet how large a result may be.');
  if (sizeBytes <= maxUploadedBytes) return true;
  const maxBytes = maxMessageBytes - messageOverheadBytes;
  if (sizeBytes <= maxBytes) return false;
  throw new JobFailure({
    class: 'unsupported',
    message: `The result has ${sizeBytes} bytes; the coordinator takes at most ${Math.max(maxBytes, maxUploadedBytes)}.`,
    hint: 'Give the run fewer launches or a shorter sustained run; a newer coordinator takes larger results.',
  });
}

async function readResult(entry: SpoolEntry): Promise<Uint8Array> {
  if (entry.bytes) return entry.bytes;
  const bytes = await readFile(entry.resultPath);
  const found = digestBytes(bytes);
  if (found === entry.digest) return bytes;
  throw new JobFailure(changedResult(entry.digest, found));
}

async function uploadBlobs(
  entry: SpoolEntry,
  blobs: readonly Digest[],
  { link, signal, transfers }: EntryDelivery,
): Promise<void> {
  for (const digest of blobs) {
    const path = entry.blobPath(digest);
    await uploadBlob({ link, digest, path, signal, ...(transfers && { transfers }) });
  }
}

async function uploadResult(
  { digest, resultPath }: SpoolEntry,
  { link, signal, transfers }: EntryDelivery,
): Promise<void> {
  await uploadBlob({ link, digest, path: resultPath, signal, ...(transfers && { transfers }) });
}

function submit(
  { digest }: SpoolEntry,
  { bytes, isUploaded }: { readonly bytes: Uint8Array; readonly isUploaded: boolean },
  { link, key, signal }: EntryDelivery,
): Promise<SubmitResultResponse__Output> {
  const signature = sign(null, bytes, key);
  const body = isUploaded ? { uploadedBytes: bytes.length } : { resultJson: Buffer.from(bytes) };
  return callUnary<SubmitResultRequest, SubmitResultResponse__Output>(
    (...call) => link.client.submitResult(...call),
    { ...body, digest, signature },
    signal,
    deadlineMsFor(bytes.length),
  );
}
