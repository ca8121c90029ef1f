import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import type { Failure, JobResult } from '@qfleet/shared/result/job-result.ts';
import type { ResultHeader } from './result-header.ts';

/** The serialised result that takes the place of one that cannot be submitted: the same attempt, failed for that reason. */
export function failedResult(header: ResultHeader, failure: Failure): Uint8Array {
  const { failure: _before, ...attempt } = header;
  const failed: JobResult = {
    ...attempt,
    schema: 'qfleet.result/1',
    // Whatever was wrong in them must not be wrong again.
    environmentBefore: { atUnixMs: header.startedAtUnixMs },
    environmentAfter: { atUnixMs: header.startedAtUnixMs },
    blobs: [],
    outcome: { kind: 'failed', failure },
  };
  return Buffer.from(canonicalJson(failed));
}
