/** Pairs from which a rank correlation is told at all. */
export const minItemsForRank = 5;

/**
 * Kendall's τ-b of two rankings of the same items, −1…1: concordant minus discordant pairs, ties of either side taken out
 * of its normalisation (Kendall, Biometrika 33, 1945). `isTied(i, j, side)` says which items count as equal: by default
 * equal values, else for example those that a test calls the same. Undefined where one side is all ties, or under 5 items.
 */
export function kendallTau(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  isTied: (i: number, j: number, side: 'first' | 'second') => boolean = (i, j, side) =>
    side === 'first' ? first[i] === first[j] : second[i] === second[j],
): number | undefined {
  requireSameLength(first, second);
  if (first.length < minItemsForRank) return undefined;
  let [score, untiedFirst, untiedSecond] = [0, 0, 0];
  for (let i = 0; i < first.length; i++) {
    for (let j = i + 1; j < first.length; j++) {
      const a = isTied(i, j, 'first') ? 0 : Math.sign(first[i]! - first[j]!);
      const b = isTied(i, j, 'second') ? 0 : Math.sign(second[i]! - second[j]!);
      score += a * b;
      untiedFirst += Math.abs(a);
      untiedSecond += Math.abs(b);
    }
  }
  const scale = Math.sqrt(untiedFirst * untiedSecond);
  return scale === 0 ? undefined : score / scale;
}

/** Spearman's ρ: Pearson's correlation of the ranks, ties by their mean rank. Undefined as `kendallTau`. */
export function spearmanRho(first: ArrayLike<number>, second: ArrayLike<number>): number | undefined {
  requireSameLength(first, second);
  if (first.length < minItemsForRank) return undefined;
  return correlateRanks(ranks(first), ranks(second));
}

/** Pearson's correlation of two rankings of the same items. Undefined where one is all ties. */
export function correlateRanks(a: Float64Array, b: Float64Array): number | undefined {
  const center = (a.length + 1) / 2;
  let [product, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - center, b[i]! - center];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? undefined : product / Math.sqrt(squareA * squareB);
}

/** Ranks from 1, equal values by their mean rank. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranked = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1]!] === values[order[from]!]) to++;
    for (let k = from; k <= to; k++) ranked[order[k]!] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return ranked;
}

function requireSameLength(first: ArrayLike<number>, second: ArrayLike<number>): void {
  if (first.length === second.length) return;
  throw new RangeError(`Expected as many values of both, got ${first.length} and ${second.length}.`);
}
