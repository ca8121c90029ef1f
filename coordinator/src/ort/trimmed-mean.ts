/** Share of the values left out at either end. */
const trimmedShare = 0.1;

/** The mean without the smallest and the largest tenth: a few clipped outliers do not move it. 0 of nothing. */
export function trimmedMean(values: Float32Array): number {
  const sorted = values.toSorted();
  const cut = Math.floor(sorted.length * trimmedShare);
  const kept = sorted.subarray(cut, sorted.length - cut);
  if (kept.length === 0) return 0;
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}
