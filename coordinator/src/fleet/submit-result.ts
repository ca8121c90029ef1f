import { createPublicKey, verify } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { SubmitResultRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { DeviceRecord, JobRecord } from '../store/records.ts';
import { maxResultsPerAttempt } from '../store/results.ts';
import { announceFinishedRun } from './announce.ts';
import { checkResult, parseResult } from './check-result.ts';
import { checkResultBlobs } from './check-result-blobs.ts';
import { findShortfall } from './find-shortfall.ts';
import type { FleetContext } from './fleet-context.ts';
import type { Handling } from './handle-call.ts';
import { mayKnowBlob } from './may-know-blob.ts';
import { MissingBlobsError } from './missing-blobs-error.ts';
import { readSubmitted } from './read-submitted.ts';
import { decideRetry, type RetryDecision } from './retry-policy.ts';

/**
 * Takes a result: the bytes must have the digest and be signed by the device's registered key, fit the job,
 * and find their blobs here; then they are committed, and only then answered. Throws `digest-mismatch`,
 * `permission-denied`, `invalid-argument`, `not-found`, and `failed-precondition` naming missing blobs.
 */
export async function submitResult(
  context: FleetContext,
  handling: Handling<ServerUnaryCall<SubmitResultRequest__Output, SubmitResultResponse>>,
): Promise<SubmitResultResponse> {
  const { device, call } = handling;
  const { signature } = call.request;
  const { digest, bytes, isUploaded } = await readSubmitted(context, device.id, call.request);
  checkSignature(device, bytes, signature);
  const result = parseResult(bytes);
  const job = await findOwnJob(context, device, result);
  checkResult(result, job);
  await checkBlobs(context, device, result);
  await checkResultBlobs(result, context.blobs);
  const failure = result.outcome.kind === 'failed' ? result.outcome.failure : undefined;
  const onFailure = failure ? decideRetry(failure.class, job.attempts) : 'final';
  const hold = { jobId: job.id, fence: result.fence };
  const session = context.sessions.find(device.id);
  session?.beginSettling(hold);
  using _settling = context.settling.begin(job.runId);
  try {
    const shortfall = findShortfall(result, job);
    const commit = {
      ...hold,
      digest,
      deviceId: device.id,
      bytes,
      signature,
      failure,
      onFailure,
      shortfall,
    };
    const status = await context.store.commitResult(commit);
    if (status === 'unknown-job') throw unknownJob(result);
    if (status === 'too-many') throw tooManyResults(result);
    // What was uploaded and is not referred to by a result that counts has lost its purpose. A result that ends no
    // attempt settles its own blobs alone: else anything handed in would free the quota.
    const settled = status === 'committed' ? undefined : new Set([digest, ...result.blobs.map(parseDigest)]);
    await context.blobs.settleUploads(device.id, settled);
    if (isUploaded) await context.blobs.remove(digest);
    session?.settle(hold);
    if (status === 'committed') await announce(context, { job, result, digest, onFailure });
    if (device.bootId !== undefined) context.wakeHost(device.bootId);
    return { status, detail: '' };
  } finally {
    session?.endSettling(hold);
  }
}

function checkSignature(device: DeviceRecord, bytes: Uint8Array, signature: Uint8Array): void {
  const key = createPublicKey({ key: Buffer.from(device.publicKey, 'base64'), format: 'der', type: 'spki' });
  if (verify(null, bytes, key, signature)) return;
  throw new QfleetError('permission-denied', 'The result is not signed by the key of this device.', {
    hint: 'Sign the bytes of the result with the Ed25519 key that the certificate is for.',
  });
}

/** A job of another device is as unknown as one that does not exist. */
async function findOwnJob(
  context: FleetContext,
  device: DeviceRecord,
  result: JobResult,
): Promise<JobRecord> {
  const job = await context.store.findJob(result.jobId);
  if (job?.deviceId !== device.id) throw unknownJob(result);
  return job;
}

function unknownJob(result: JobResult): QfleetError {
  return new QfleetError(
    'not-found',
    `No job ${result.jobId} with fence ${result.fence} was leased to this device.`,
    { hint: 'The result belongs to another coordinator or data folder; set it aside.' },
  );
}

function tooManyResults(result: JobResult): QfleetError {
  return new QfleetError(
    'invalid-argument',
    `Attempt ${result.fence} of the job ${result.jobId} has ${maxResultsPerAttempt} other results already; no more are kept.`,
    { hint: 'An attempt has one result; two agents may be running with a copy of one identity.' },
  );
}

/**
 * Touched one by one, so that garbage collection spares them until the commit refers to them. A blob that the device
 * may not know of is missing like one that does not exist: it has to show the bytes first.
 */
async function checkBlobs(context: FleetContext, device: DeviceRecord, result: JobResult): Promise<void> {
  const missing: string[] = [];
  for (const blob of new Set(result.blobs.map(parseDigest))) {
    const isKnown = await mayKnowBlob(context, device.id, blob);
    if (!isKnown || !(await context.blobs.touch(blob))) missing.push(blob);
  }
  if (missing.length > 0) throw new MissingBlobsError(missing);
}

/** The commit stands whatever happens here: a client that misses an event sees the state when it looks. */
async function announce(
  context: FleetContext,
  what: { job: JobRecord; result: JobResult; digest: string; onFailure: RetryDecision },
): Promise<void> {
  const { job, result, digest, onFailure } = what;
  const facts = { jobId: job.id, deviceId: job.deviceId, kind: job.kind, fence: result.fence };
  const subject = `run:${job.runId}`;
  try {
    if (result.outcome.kind === 'failed') {
      const data = { ...facts, ...result.outcome.failure, onFailure };
      await context.events.append({ subject, kind: 'job.failed', data });
    } else {
      await context.events.append({ subject, kind: 'job.completed', data: { ...facts, digest } });
    }
    // Where other results are on their way, the last of them looks.
    if (context.settling.count(job.runId) > 1) return;
    const run = await context.store.finishRunIfDone(job.runId);
    if (run) await announceFinishedRun(context, run);
  } catch (error) {
    context.logger.error({ err: error, ...facts }, 'a committed result could not be announced');
  }
}
