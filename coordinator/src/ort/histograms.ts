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

function countValues(values: Float32Array, counts: Float64Array, { low, high, bins }: BinLayout): void {
  const perUnit = high > low ? bins / (high - low) : 0;
  const last = bins - 1;
  for (let i = 0; i < values.length; i++) {
    const bin = ((values[i]! - low) * perUnit) | 0;
    counts[Math.max(0, Math.min(bin, last))]!++;
  }
}
