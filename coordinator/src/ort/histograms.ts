/** Equal bins from low to high. */
export interface BinLayout {
  readonly low: number;
  readonly high: number;
  readonly bins: number;
}

/**
 * Counts of values by tensor, added input by input. Whole numbers, so that histograms of several processes add
 * up to the same whatever process counted which input. What lies outside counts in the first or last bin.
 */
export class Histograms {
  readonly #counts = new Map<string, Float64Array>();

  add(tensor: string, values: Float32Array, layout: BinLayout): void {
    const counts = this.#counts.get(tensor) ?? new Float64Array(layout.bins);
    this.#counts.set(tensor, counts);
    countValues(values, counts, layout);
  }

  /** Hands the counts over and forgets them. */
  take(): Record<string, Float64Array> {
    const taken = Object.fromEntries(this.#counts);
    this.#counts.clear();
    return taken;
  }
}

/** One more place than bins, for the largest value itself; counted in whole numbers first, which is several times faster. */
function countValues(values: Float32Array, counts: Float64Array, { low, high, bins }: BinLayout): void {
  const perUnit = high > low ? bins / (high - low) : 0;
  const found = new Uint32Array(bins + 1);
  for (let i = 0; i < values.length; i++) {
    const bin = ((values[i]! - low) * perUnit) | 0;
    if (bin >= 0 && bin < bins) found[bin]!++;
    else found[bin < 0 ? 0 : bins]!++;
  }
  for (let bin = 0; bin < bins; bin++) counts[bin]! += found[bin]!;
  counts[bins - 1]! += found[bins]!;
}
