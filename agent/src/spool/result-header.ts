import type { Failure, JobResult } from '@qfleet/shared/result/job-result.ts';

/** What a result says of its attempt, apart from what came of it. */
export interface ResultHeader
  extends Pick<
    JobResult,
    | 'jobId'
    | 'runId'
    | 'fence'
    | 'attempt'
    | 'agentVersion'
    | 'bootId'
    | 'startedAtUnixMs'
    | 'durationNs'
    | 'blobs'
  > {
  /** Present where the attempt failed. */
  readonly failure?: Failure;
}

/** The header of a serialised result; undefined where the bytes are no JSON or name no attempt. */
export function readResultHeader(bytes: Uint8Array): ResultHeader | undefined {
  const result = parse(bytes);
  if (typeof result?.jobId !== 'string' || !Number.isSafeInteger(result.fence)) return undefined;
  const { jobId, fence, outcome, blobs } = result;
  return {
    jobId,
    fence: fence as number,
    runId: String(result.runId ?? ''),
    attempt: numberOr(result.attempt, 1),
    agentVersion: String(result.agentVersion ?? ''),
    bootId: String(result.bootId ?? ''),
    startedAtUnixMs: numberOr(result.startedAtUnixMs, 0),
    durationNs: numberOr(result.durationNs, 0),
    blobs: Array.isArray(blobs) ? blobs.filter((blob) => typeof blob === 'string') : [],
    ...(outcome?.kind === 'failed' && { failure: outcome.failure }),
  };
}

function parse(bytes: Uint8Array): Partial<JobResult> | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<JobResult>;
  } catch {
    return undefined;
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
