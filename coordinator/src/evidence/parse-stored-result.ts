import { digestBytes } from '@qfleet/shared/digest.ts';
import { type JobResult, jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import type { StoredRun } from './stored-run.ts';

/** Undefined where the database has changed the bytes, or where they are none that this version understands. */
export function parseStoredResult({ digest, bytes }: StoredRun['results'][number]): JobResult | undefined {
  if (digestBytes(bytes) !== digest) return undefined;
  try {
    return jobResultSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
