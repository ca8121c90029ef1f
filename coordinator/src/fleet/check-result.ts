import { QfleetError } from '@qfleet/shared/errors.ts';
import { type JobResult, jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';
import { checkEvaluateFacts } from './check-evaluate-facts.ts';
import { checkMeasureFacts } from './check-measure-facts.ts';
import { expectEqual, resultMismatch } from './result-mismatch.ts';

/** The serialised result as an object; throws `invalid-argument` saying which field is wrong. */
export function parseResult(bytes: Uint8Array): JobResult {
  const parsed = jobResultSchema.safeParse(parseUtf8Json(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new QfleetError(
    'invalid-argument',
    `The result does not have the schema qfleet.result/1: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

/**
 * Whether a result answers the job that was leased, and does not contradict itself, as far as can be seen without its
 * blobs: run, kind, backend, variants, settings, scenario, load, counts, and every blob named in its list. Throws
 * `invalid-argument` with what was expected and what it says.
 */
export function checkResult(result: JobResult, job: JobRecord): void {
  expectEqual('run', job.runId, result.runId);
  const { outcome } = result;
  if (outcome.kind === 'failed') return;
  expectEqual('kind', job.kind, outcome.kind);
  const { measure, evaluate } = job.spec;
  if (outcome.kind === 'measure' && measure) checkMeasureFacts(outcome.facts, measure);
  if (outcome.kind === 'evaluate' && evaluate) checkEvaluateFacts(outcome.facts, evaluate);
  const listed = new Set(result.blobs);
  for (const digest of blobsIn(outcome)) {
    if (!listed.has(digest)) throw resultMismatch('every blob in the list of blobs', digest);
  }
}

type Outcome = Exclude<JobResult['outcome'], { kind: 'failed' }>;

function parseUtf8Json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new QfleetError('invalid-argument', 'The result is no JSON in UTF-8.', { cause });
  }
}

function blobsIn(outcome: Outcome): string[] {
  if (outcome.kind === 'probe') return [];
  if (outcome.kind === 'evaluate') {
    const { comparison, topK, profile } = outcome.facts;
    return [comparison.blob, ...(topK ? [topK.blob] : []), ...(profile ? [profile] : [])];
  }
  const { samplesBlob, profiles } = outcome.facts;
  return [...(samplesBlob ? [samplesBlob] : []), ...profiles.map((profile) => profile.blob)];
}
