import { digestBytes } from './digest.ts';
import { createRandom, type Random } from './random.ts';

/**
 * The source of randomness of one statistic: seeded by the plan's seed and what the statistic is of, so that
 * a number does not depend on which others were computed before it.
 */
export function randomFor(seed: number, ...parts: readonly string[]): Random {
  const digest = digestBytes(JSON.stringify([seed, ...parts]));
  return createRandom(Number.parseInt(digest.slice(0, 8), 16));
}
