/**
 * Holm's step-down adjustment of p-values for so many tests (Scandinavian Journal of Statistics 6, 1979): in the order
 * given, each at most 1 and none under its own p. Keeps the chance of any false claim at the level, whatever the tests'
 * dependence.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  for (const [step, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - step) * pValues[index]!));
    adjusted[index] = largest;
  }
  return adjusted;
}
