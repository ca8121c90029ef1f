/** Up to so many, sorting in place by hand takes a quarter of the time: a bootstrap does it for hundreds of resamples. */
const fewValues = 16;

/**
 * The median: the middle value, or the mean of the two middle ones; same unit as the values. Throws
 * RangeError on none. (The definition of R's `median` and NumPy's; a nearest-rank p50 differs for even n.)
 */
export function median(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('The median of no values is undefined.');
  const sorted = values.length <= fewValues ? insertionSort(values) : new Float64Array(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function insertionSort(values: ArrayLike<number>): Float64Array {
  const sorted = new Float64Array(values);
  for (let i = 1; i < sorted.length; i++) {
    const value = sorted[i]!;
    let j = i - 1;
    while (j >= 0 && sorted[j]! > value) {
      sorted[j + 1] = sorted[j]!;
      j--;
    }
    sorted[j + 1] = value;
  }
  return sorted;
}
