import { QfleetError } from '@qfleet/shared/errors.ts';
import { type JobResult, jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';

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

/** Whether a result answers the job: run, kind, backend, variants, and every blob named in its list; throws `invalid-argument`. */
export function checkResult(result: JobResult, job: JobRecord): void {
  expectEqual('run', job.runId, result.runId);
  const { outcome } = result;
  if (outcome.kind === 'failed') return;
  expectEqual('kind', job.kind, outcome.kind);
  const asked = job.spec.measure ?? job.spec.evaluate;
  if (outcome.kind !== 'probe') expectEqual('backend', asked?.backend, outcome.facts.backend.id);
  const allowed = new Set(variantsOf(job));
  for (const digest of variantsIn(outcome)) {
    if (!allowed.has(digest)) throw mismatch('a variant of the job', digest);
  }
  const listed = new Set(result.blobs);
  for (const digest of blobsIn(outcome)) {
    if (!listed.has(digest)) throw mismatch('every blob in the list of blobs', digest);
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

function variantsOf(job: JobRecord): string[] {
  const variants = job.spec.measure?.variants ?? [job.spec.evaluate?.variant];
  return variants.flatMap((variant) => (variant ? [variant.digest] : []));
}

function variantsIn(outcome: Outcome): string[] {
  if (outcome.kind === 'probe') return [];
  if (outcome.kind === 'evaluate') return [outcome.facts.variantDigest];
  return [...outcome.facts.launches, ...outcome.facts.profiles].map((part) => part.variantDigest);
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

function expectEqual(what: string, expected: string | undefined, got: string): void {
  if (expected !== got) throw mismatch(`the ${what} "${expected}"`, got);
}

function mismatch(expected: string, got: string): QfleetError {
  return new QfleetError(
    'invalid-argument',
    `The result does not fit its job: expected ${expected}, got "${got}".`,
  );
}
