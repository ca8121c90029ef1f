import { type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import type { Digest } from '@qfleet/shared/digest.ts';
import type { SubmitResultRequest } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import { missingBlobsMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { TransferLog } from '../blobs/transfer-log.ts';
import { uploadBlob } from '../blobs/upload-blob.ts';
import { callUnary } from '../session/call-unary.ts';
import { fullJitterMs } from '../session/full-jitter.ts';
import { fromServiceError, isServiceError } from '../session/grpc-error.ts';
import type { Link } from '../session/link.ts';
import type { Spool, SpoolEntry } from './spool.ts';

export interface DeliveryOptions {
  readonly spool: Spool;
  readonly link: Link;
  /** The device's Ed25519 key. */
  readonly key: KeyObject;
  readonly random: Random;
  readonly log: Logger;
  /** Waits so many milliseconds, or until there is a new session or the signal is aborted. */
  readonly pause: (durationMs: number) => Promise<void>;
  readonly onDelivered: (entry: SpoolEntry) => void;
  readonly onProblem: (message: string) => void;
  /** Where the speed of uploads is noted. */
  readonly transfers?: TransferLog;
  readonly signal: AbortSignal;
}

/** Hands in the spool's results, oldest first, for as long as it takes; ends when the signal is aborted. */
export async function deliverResults(options: DeliveryOptions): Promise<void> {
  const { spool, random, pause, signal } = options;
  let attempt = 0;
  while (!signal.aborted) {
    if (await deliverAll(options)) await pause(fullJitterMs(attempt++, random));
    else {
      attempt = 0;
      if (spool.entries.length === 0) await waitForAddition(spool, signal);
    }
  }
}

async function deliverAll(options: DeliveryOptions): Promise<boolean> {
  let hasFailed = false;
  for (const entry of options.spool.entries) {
    if (options.signal.aborted) return hasFailed;
    try {
      await deliver(entry, options);
      options.onDelivered(entry);
    } catch (thrown) {
      if (options.signal.aborted) return hasFailed;
      if (isLastingRefusal(thrown)) await giveUp(entry, thrown, options);
      else {
        hasFailed = true;
        reportProblem(entry, thrown, options);
      }
    }
  }
  return hasFailed;
}

/** Blobs first, then the result; where the coordinator still misses blobs, those and the result again. */
async function deliver(entry: SpoolEntry, options: DeliveryOptions): Promise<void> {
  const { spool, log } = options;
  await uploadBlobs(entry, entry.blobs, options);
  const bytes = entry.bytes ?? (await readFile(entry.resultPath));
  let answer: SubmitResultResponse__Output;
  try {
    answer = await submit(entry, bytes, options);
  } catch (thrown) {
    const missing = missingBlobs(thrown, entry);
    if (missing.length === 0) throw thrown;
    await uploadBlobs(entry, missing, options);
    answer = await submit(entry, bytes, options);
  }
  await spool.remove(entry);
  log.info(
    { jobId: entry.jobId, fence: entry.fence, status: answer.status, detail: answer.detail },
    'Result handed in.',
  );
}

async function uploadBlobs(
  entry: SpoolEntry,
  blobs: readonly Digest[],
  options: DeliveryOptions,
): Promise<void> {
  for (const digest of blobs) {
    await uploadBlob({
      client: options.link.client,
      digest,
      path: entry.blobPath(digest),
      signal: options.signal,
      ...(options.transfers && { transfers: options.transfers }),
    });
  }
}

function submit(
  entry: SpoolEntry,
  bytes: Uint8Array,
  { link, key, signal }: DeliveryOptions,
): Promise<SubmitResultResponse__Output> {
  const { client } = link;
  const resultJson = Buffer.from(bytes);
  const request = { resultJson, digest: entry.digest, signature: sign(null, bytes, key) };
  return callUnary<SubmitResultRequest, SubmitResultResponse__Output>(
    (...call) => client.submitResult(...call),
    request,
    signal,
  );
}

/** The blobs that the coordinator names as missing and that the entry has. */
function missingBlobs(thrown: unknown, entry: SpoolEntry): Digest[] {
  if (!isServiceError(thrown) || thrown.code !== status.FAILED_PRECONDITION) return [];
  const named = String(thrown.metadata.get(missingBlobsMetadataKey)[0] ?? '').split(',');
  return entry.blobs.filter((digest) => named.includes(digest));
}

/**
 * The same bytes will be refused again, and the job would be measured again and again for them. So the failure to hand
 * them in becomes the job's result, unless nobody knows the job or it has failed anyway.
 */
async function giveUp(entry: SpoolEntry, thrown: unknown, options: DeliveryOptions): Promise<void> {
  const { message } = fromServiceError(thrown);
  const text = `The coordinator refused the result: ${message}`;
  const bytes = entry.bytes ?? (await readFile(entry.resultPath));
  const result = JSON.parse(Buffer.from(bytes).toString('utf8')) as JobResult;
  await options.spool.setAside(entry);
  options.log.error(
    { jobId: entry.jobId, fence: entry.fence, digest: entry.digest },
    `${text} It is kept aside.`,
  );
  options.onProblem(text);
  const isKnown = isServiceError(thrown) && thrown.code !== status.NOT_FOUND;
  if (!isKnown || result.outcome.kind === 'failed') return;
  const failed: JobResult = {
    ...result,
    // Whatever was wrong in them must not be wrong again.
    environmentBefore: { atUnixMs: result.startedAtUnixMs },
    environmentAfter: { atUnixMs: result.startedAtUnixMs },
    blobs: [],
    outcome: {
      kind: 'failed',
      failure: { class: 'internal', message: text, hint: `See state/refused/${entry.digest} on the device.` },
    },
  };
  const unsent = { bytes: Buffer.from(canonicalJson(failed)), jobId: entry.jobId, fence: entry.fence };
  await options.spool.add({ ...unsent, blobs: [] }).catch(() => options.spool.hold(unsent));
}

function isLastingRefusal(thrown: unknown): boolean {
  return isServiceError(thrown) && [status.INVALID_ARGUMENT, status.NOT_FOUND].includes(thrown.code);
}

function reportProblem(entry: SpoolEntry, thrown: unknown, { log, onProblem }: DeliveryOptions): void {
  const { code, message, hint } = fromServiceError(thrown);
  log.warn(
    { jobId: entry.jobId, fence: entry.fence, code, hint },
    `A result waits to be handed in: ${message}`,
  );
  onProblem(`A result waits to be handed in: ${message}`);
}

async function waitForAddition(spool: Spool, signal: AbortSignal): Promise<void> {
  // Aborted meanwhile: no event would come any more.
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      listening[Symbol.dispose]();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const listening = spool.onAdded(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
