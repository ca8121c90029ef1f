import { addNoise, measureNoise, type NoiseSums, noNoise, sqnrOf } from '../../ort/noise-sums.ts';
import type { Outputs } from '../../ort/ort-messages.ts';

/** How far outputs differ from a reference, as SQNR over all values of one output and all inputs added. Filled input by input. */
export class OutputNoise {
  readonly #sums = new Map<string, NoiseSums>();

  add(reference: Outputs, outputs: Outputs): void {
    for (const [name, expected] of Object.entries(reference)) {
      const found = outputs[name]?.data ?? new Float32Array(expected.data.length).fill(Number.NaN);
      const sums = this.#sums.get(name) ?? noNoise;
      this.#sums.set(name, addNoise(sums, measureNoise(expected.data, found)));
    }
  }

  /** Values that are NaN or infinite where the reference's are not. */
  get nonFinite(): number {
    return [...this.#sums.values()].reduce((total, sums) => total + sums.nonFinite, 0);
  }

  /** The output that differs most, dB; `Infinity` where all are equal, undefined where nothing was added. */
  worst(): { readonly name: string; readonly sqnrDb: number } | undefined {
    const all = [...this.#sums].map(([name, sums]) => ({ name, sqnrDb: sqnrOf(sums) }));
    return all.sort((a, b) => a.sqnrDb - b.sqnrDb)[0];
  }
}
