import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';

/** How many inputs two evaluations share, or why their outputs must not be compared. */
export type CommonInputs =
  | { readonly comparable: true; readonly count: number; readonly note?: string }
  | { readonly comparable: false; readonly reason: string };

/**
 * Evaluations take the first inputs of one dataset, so that the shorter one is a prefix of the longer. Equal
 * counts must have equal digests of the final input bytes; for a prefix there is no digest to compare, and the
 * note says so.
 */
export function commonInputs(a: EvaluateFacts, b: EvaluateFacts): CommonInputs {
  if (a.datasetDigest !== b.datasetDigest) {
    return { comparable: false, reason: 'inputs-differ: another dataset' };
  }
  if (a.count === b.count) {
    if (a.inputDigest === b.inputDigest) return { comparable: true, count: a.count };
    return {
      comparable: false,
      reason: 'inputs-differ: the final input bytes have another digest, so the models were fed differently',
    };
  }
  const count = Math.min(a.count, b.count);
  return {
    comparable: true,
    count,
    note: `first ${count} inputs only: ${a.count} and ${b.count} were evaluated`,
  };
}
