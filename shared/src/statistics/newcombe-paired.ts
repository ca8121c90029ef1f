import { defaultConfidence, type Interval } from './interval.ts';
import { wilson } from './wilson.ts';

/** How often two classifiers were right on the same inputs. */
export interface PairedCounts {
  readonly bothRight: number;
  /** The first right, the second wrong. */
  readonly firstOnly: number;
  readonly secondOnly: number;
  readonly bothWrong: number;
}

/**
 * Interval of p₁ − p₂ where both proportions stem from the same inputs: Newcombe's method 10, Wilson's
 * intervals squared and added with the correlation of the pairs (Statistics in Medicine 17, 1998, 2635–2650).
 * Range −1…1. Inputs that both get right or wrong narrow it, so it is far tighter than two intervals side by side.
 */
export function newcombePaired(
  counts: PairedCounts,
  confidence = defaultConfidence,
): Interval & { readonly difference: number } {
  const n = counts.bothRight + counts.firstOnly + counts.secondOnly + counts.bothWrong;
  if (n === 0) throw new RangeError('The difference of two proportions of no inputs is undefined.');
  const p1 = (counts.bothRight + counts.firstOnly) / n;
  const p2 = (counts.bothRight + counts.secondOnly) / n;
  const first = wilson(counts.bothRight + counts.firstOnly, n, confidence);
  const second = wilson(counts.bothRight + counts.secondOnly, n, confidence);
  const phi = pairCorrelation(counts, n);
  const difference = (counts.firstOnly - counts.secondOnly) / n;
  return {
    difference,
    low: Math.max(-1, difference - addSquares(p1 - first.low, second.high - p2, phi)),
    high: Math.min(1, difference + addSquares(first.high - p1, p2 - second.low, phi)),
    method: 'newcombe-10',
  };
}

function addSquares(a: number, b: number, phi: number): number {
  return Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
}

/** The φ coefficient, with the continuity correction that distinguishes method 10 from method 8. */
function pairCorrelation(counts: PairedCounts, n: number): number {
  const margins =
    (counts.bothRight + counts.firstOnly) *
    (counts.secondOnly + counts.bothWrong) *
    (counts.bothRight + counts.secondOnly) *
    (counts.firstOnly + counts.bothWrong);
  if (margins === 0) return 0;
  const cross = counts.bothRight * counts.bothWrong - counts.firstOnly * counts.secondOnly;
  const corrected = cross > n / 2 ? cross - n / 2 : Math.min(cross, 0);
  return corrected / Math.sqrt(margins);
}
