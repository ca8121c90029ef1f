/** Index of a percentile in an ascending list, as LoadGen's summaries have it: floor(n·p), at most n − 1. */
export function loadgenPercentileIndex(n: number, percentile: number): number {
  // A product that floating point puts a hair below an integer counts as that integer.
  return Math.min(n - 1, Math.floor(n * percentile + 1e-9));
}
