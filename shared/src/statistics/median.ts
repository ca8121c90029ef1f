/**
 * The median: the middle value, or the mean of the two middle ones; same unit as the values. Throws
 * RangeError on none. (The definition of R's `median` and NumPy's; a nearest-rank p50 differs for even n.)
 */
export function median(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('The median of no values is undefined.');
  const sorted = new Float64Array(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
