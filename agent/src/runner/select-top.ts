/**
 * Indices of the `k` largest values, largest first, ties to the lower index; NaN counts as smaller than
 * everything. `k` is at most the number of values.
 */
export function selectTop(values: Float32Array, k: number): Uint32Array {
  const rank = (index: number): number => (Number.isNaN(values[index]) ? -Infinity : values[index]!);
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = rank(i);
    if (best.length === k && value <= rank(best[k - 1]!)) continue;
    let at = best.length;
    while (at > 0 && rank(best[at - 1]!) < value) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return Uint32Array.from(best);
}
