import type { QfleetError } from '@qfleet/shared/errors.ts';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { refused } from './refused.ts';

export interface SplitRequest {
  /** SHA-256 of every item, in order. */
  readonly digests: readonly string[];
  /** Items wanted for calibration. */
  readonly calibration: number;
  readonly seed: number;
}

/** Indices of the items on each side, ascending. */
export interface ItemSplit {
  readonly calibration: readonly number[];
  readonly evaluation: readonly number[];
  /** Items that have an identical twin; all of them stay on the evaluation side. */
  readonly duplicates: number;
}

/**
 * Divides items without overlap: all are shuffled by the seed and the first so many become calibration,
 * save those with an identical twin, which all stay on the evaluation side, so that no input is on both.
 * Throws `refused` where there are too few.
 */
export function splitItems({ digests, calibration, seed }: SplitRequest): ItemSplit {
  const copies = new Map<string, number>();
  for (const digest of digests) copies.set(digest, (copies.get(digest) ?? 0) + 1);
  const order = shuffle([...digests.keys()], createRandom(seed));
  const unique = order.filter((index) => copies.get(digests[index]!) === 1);
  if (calibration < 1 || calibration > unique.length || calibration >= digests.length) {
    throw tooFew({ asked: calibration, total: digests.length, unique: unique.length });
  }
  const chosen = new Set(unique.slice(0, calibration));
  return {
    calibration: [...digests.keys()].filter((index) => chosen.has(index)),
    evaluation: [...digests.keys()].filter((index) => !chosen.has(index)),
    duplicates: digests.length - unique.length,
  };
}

function tooFew({ asked, total, unique }: { asked: number; total: number; unique: number }): QfleetError {
  const most = Math.min(unique, total - 1);
  const twins = unique < total ? ` (${total - unique} of them have an identical twin in the set)` : '';
  const range = most < 1 ? 'none' : most === 1 ? 'only 1' : `1 to ${most}`;
  return refused(
    `${asked} calibration items were asked for; of ${total} items${twins}, ${range} can be taken without overlap.`,
    most < 1 ? 'Add the dataset with --split none.' : 'Ask for fewer, or add the dataset with --split none.',
  );
}
