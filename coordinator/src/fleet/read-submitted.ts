import { type Digest, digestBytes, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { SubmitResultRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { FleetContext } from './fleet-context.ts';
import { mayKnowBlob } from './may-know-blob.ts';
import { MissingBlobsError } from './missing-blobs-error.ts';

export interface Submitted {
  readonly digest: Digest;
  /** The serialised result. */
  readonly bytes: Buffer;
  /** It came as a blob, which nothing refers to once the bytes are committed. */
  readonly isUploaded: boolean;
}

/**
 * What a device submits: the bytes in the message, or those of a blob that it has uploaded before, since a message
 * can neither be large nor be resumed. Throws `digest-mismatch`, `refused` where it is too large, and names the blob as
 * missing where it is not here, the device may not know of it, or the disk has changed it.
 */
export async function readSubmitted(
  context: FleetContext,
  deviceId: string,
  request: SubmitResultRequest__Output,
): Promise<Submitted> {
  const digest = parseDigest(request.digest);
  const { resultJson: bytes, uploadedBytes } = request;
  if (uploadedBytes > 0)
    return { digest, bytes: await readUploaded(context, deviceId, request), isUploaded: true };
  const found = digestBytes(bytes);
  if (found === digest) return { digest, bytes, isUploaded: false };
  throw new QfleetError('digest-mismatch', `Expected the digest ${digest}, the result has ${found}.`, {
    hint: 'Submit it again as it was spooled.',
  });
}

async function readUploaded(
  context: FleetContext,
  deviceId: string,
  request: SubmitResultRequest__Output,
): Promise<Buffer> {
  const { blobs, options } = context;
  const digest = parseDigest(request.digest);
  const isHere = (await mayKnowBlob(context, deviceId, digest)) && (await blobs.touch(digest));
  if (!isHere) throw new MissingBlobsError([digest]);
  const sizeBytes = Math.max(request.uploadedBytes, (await blobs.stat(digest)) ?? 0);
  if (sizeBytes > options.maxUploadedResultBytes) throw tooLarge(sizeBytes, options.maxUploadedResultBytes);
  try {
    return await blobs.read(digest);
  } catch (thrown) {
    if (QfleetError.from(thrown).code !== 'digest-mismatch') throw thrown;
    await blobs.remove(digest);
    throw new MissingBlobsError([digest]);
  }
}

function tooLarge(sizeBytes: number, maxBytes: number): QfleetError {
  return new QfleetError('refused', `The result has ${sizeBytes} bytes; at most ${maxBytes} are taken.`, {
    hint: 'Give the run fewer launches, or a shorter sustained run.',
  });
}
