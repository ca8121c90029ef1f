import { type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import type { SubmitResultRequest } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import type { TransferLog } from '../blobs/transfer-log.ts';
import { uploadBlob } from '../blobs/upload-blob.ts';
import { JobFailure } from '../jobs/job-failure.ts';
import { callUnary } from '../session/call-unary.ts';
import type { Link } from '../session/link.ts';
import { missingBlobs } from './judge-delivery-failure.ts';
import { changedResult, type SpoolEntry } from './spool.ts';

export interface EntryDelivery {
  readonly link: Link;
  /** The device's Ed25519 key. */
  readonly key: KeyObject;
  /** Where the speed of uploads is noted. */
  readonly transfers?: TransferLog;
  readonly signal: AbortSignal;
}

/**
 * Submits one result: blobs first, then the result; where the coordinator still misses blobs, those and the result
 * again. Nothing is sent that the disk has changed. Resolves once the result is committed.
 */
export async function deliverEntry(
  entry: SpoolEntry,
  delivery: EntryDelivery,
): Promise<SubmitResultResponse__Output> {
  await uploadBlobs(entry, entry.blobs, delivery);
  const bytes = await readResult(entry);
  try {
    return await submit(entry, bytes, delivery);
  } catch (thrown) {
    const named = missingBlobs(thrown);
    const missing = entry.blobs.filter((digest) => named.includes(digest));
    if (missing.length === 0) throw thrown;
    await uploadBlobs(entry, missing, delivery);
    return await submit(entry, bytes, delivery);
  }
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

function submit(
  entry: SpoolEntry,
  bytes: Uint8Array,
  { link, key, signal }: EntryDelivery,
): Promise<SubmitResultResponse__Output> {
  const resultJson = Buffer.from(bytes);
  const request = { resultJson, digest: entry.digest, signature: sign(null, bytes, key) };
  return callUnary<SubmitResultRequest, SubmitResultResponse__Output>(
    (...call) => link.client.submitResult(...call),
    request,
    signal,
  );
}
