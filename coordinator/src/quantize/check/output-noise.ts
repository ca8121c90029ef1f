import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';
import { addNoise, measureNoise, type NoiseSums, noNoise, sqnrOf } from '../../ort/noise-sums.ts';
import type { Outputs } from '../../ort/ort-messages.ts';

/** How far outputs differ from a reference, as SQNR over all values of one output and all inputs added. Filled input by input. */
export class OutputNoise {
  readonly #sums = new Map<string, NoiseSums>();
  /** Values of the reference that are NaN or infinite, by output. */
  readonly #referenceNonFinite = new Map<string, number>();

  add(reference: Outputs, outputs: Outputs): void {
    for (const [name, expected] of Object.entries(reference)) {
      const found = outputs[name]?.data ?? new Float32Array(expected.data.length).fill(Number.NaN);
      this.#count(name, countNonFinite(expected.data), measureNoise(expected.data, found));
    }
  }

  /** All that another has seen, too. */
  merge(other: OutputNoise): void {
    for (const [name, sums] of other.#sums) this.#count(name, other.#referenceNonFinite.get(name)!, sums);
  }

  /** Outputs with values that are NaN or infinite where the reference's are not, and how many of the reference's are. */
  nonFinite(): { readonly name: string; readonly count: number; readonly referenceCount: number }[] {
    return [...this.#sums].flatMap(([name, { nonFinite: count }]) =>
      count > 0 ? [{ name, count, referenceCount: this.#referenceNonFinite.get(name)! }] : [],
    );
  }

  /** True where an output is not finite that is finite throughout in the reference. */
  get isBroken(): boolean {
    return this.nonFinite().some(({ referenceCount }) => referenceCount === 0);
  }

  /** The output that differs most, dB; `Infinity` where all are equal, undefined where nothing was added. */
  worst(): { readonly name: string; readonly sqnrDb: number } | undefined {
    const all = [...this.#sums].map(([name, sums]) => ({ name, sqnrDb: sqnrOf(sums) }));
    return all.sort((a, b) => a.sqnrDb - b.sqnrDb)[0];
  }

  #count(name: string, referenceNonFinite: number, sums: NoiseSums): void {
    this.#referenceNonFinite.set(name, referenceNonFinite + (this.#referenceNonFinite.get(name) ?? 0));
    this.#sums.set(name, addNoise(this.#sums.get(name) ?? noNoise, sums));
  }
}

/** Output SQNR over several inputs, dB: of all together, and of the worst one. -Infinity where outputs are not finite. */
export interface InputsNoise {
  readonly pooledDb: number;
  readonly worstDb: number;
}

/** Sums up noise input by input; of several outputs the worst counts. An input whose reference is all 0 is no worst one. */
export function summariseNoise(inputs: readonly OutputNoise[]): InputsNoise {
  const pooled = new OutputNoise();
  let worstDb = Number.POSITIVE_INFINITY;
  for (const input of inputs) {
    pooled.merge(input);
    const sqnrDb = input.worst()?.sqnrDb ?? Number.POSITIVE_INFINITY;
    if (sqnrDb > Number.NEGATIVE_INFINITY) worstDb = Math.min(worstDb, sqnrDb);
  }
  if (pooled.isBroken) return { pooledDb: Number.NEGATIVE_INFINITY, worstDb: Number.NEGATIVE_INFINITY };
  return { pooledDb: pooled.worst()?.sqnrDb ?? Number.POSITIVE_INFINITY, worstDb };
}

function countNonFinite(values: TensorData): number {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return 0;
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}
