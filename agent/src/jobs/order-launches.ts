import { type Random, shuffle } from '@qfleet/shared/random.ts';

/**
 * The order of a job's launches, as indices of variants: rounds that hold every variant once, each in a random
 * order of its own, so that all variants meet the same heat and drift.
 */
export function orderLaunches(variantCount: number, launchesPerVariant: number, random: Random): number[] {
  const variants = Array.from({ length: variantCount }, (_, index) => index);
  return Array.from({ length: launchesPerVariant }, () => shuffle([...variants], random)).flat();
}
