import { minItemsForRank } from '@qfleet/shared/statistics/rank-agreement.ts';

/**
 * The order of every two items on each system, worked out once: Kendall's τ-b of two systems is then three sums over
 * bytes, whatever else both lack. `isTied` says which logs count as equal.
 */
export class PairOrders {
  /** −1, 0 (tied, or one of them is missing) or 1 for each pair of items; 1 where both are there. */
  readonly #signs: readonly Int8Array[];
  readonly #known: readonly Int8Array[];

  constructor(logs: readonly Float64Array[], isTied: (a: number, b: number) => boolean) {
    const items = logs[0]?.length ?? 0;
    const pairs = (items * (items - 1)) / 2;
    this.#signs = logs.map(() => new Int8Array(pairs));
    this.#known = logs.map(() => new Int8Array(pairs));
    for (const [system, row] of logs.entries()) {
      const [signs, known] = [this.#signs[system]!, this.#known[system]!];
      let at = 0;
      for (let i = 0; i < items; i++) {
        for (let j = i + 1; j < items; j++, at++) {
          const [a, b] = [row[i]!, row[j]!];
          if (Number.isNaN(a + b)) continue;
          known[at] = 1;
          signs[at] = isTied(a, b) ? 0 : Math.sign(a - b);
        }
      }
    }
  }

  /** τ-b over the items that both have; undefined under five of them, or where one side is all ties. */
  tau(first: number, second: number, common: number): number | undefined {
    if (common < minItemsForRank) return undefined;
    const [a, b] = [this.#signs[first]!, this.#signs[second]!];
    const [hasA, hasB] = [this.#known[first]!, this.#known[second]!];
    let [score, untiedA, untiedB] = [0, 0, 0];
    for (let at = 0; at < a.length; at++) {
      // No destructuring here: it makes this loop eight times as slow.
      const x = a[at]!;
      const y = b[at]!;
      // Whole-number arithmetic: −1 · 0 would be a −0, which makes a float of every sum.
      score = (score + Math.imul(x, y)) | 0;
      untiedA = (untiedA + (x & 1 & hasB[at]!)) | 0;
      untiedB = (untiedB + (y & 1 & hasA[at]!)) | 0;
    }
    const scale = Math.sqrt(untiedA * untiedB);
    return scale === 0 ? undefined : score / scale;
  }
}
