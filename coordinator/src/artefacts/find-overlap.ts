/** Items that two sets share. */
export interface Overlap {
  /** Evaluation items that are also calibration items. */
  readonly count: number;
  /** Their positions in the evaluation set, the first five. */
  readonly examples: readonly number[];
}

/**
 * Evaluation items that a variant was calibrated with, by the SHA-256 of their raw bytes. A variant judged
 * on such items looks better than it is, so an evaluation with overlap is refused unless a plan allows it.
 */
export function findOverlap(calibration: Iterable<string>, evaluation: readonly string[]): Overlap {
  const known = new Set(calibration);
  const shared = [...evaluation.keys()].filter((index) => known.has(evaluation[index]!));
  return { count: shared.length, examples: shared.slice(0, 5) };
}
