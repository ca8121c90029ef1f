import { mean } from '@qfleet/shared/statistics/mean.ts';
import type { GridItem } from '../grid.ts';
import type { Anchors, PredictionMethod } from './method.ts';

/** Log error of a source that fits the anchors perfectly: it is not trusted beyond that. */
const floor = 0.1;

/**
 * Every source is shifted to the anchors, float32 and quantized networks by amounts of their own, since runtimes and
 * processors differ in exactly that; then the sources are averaged, each by the inverse of how far it still is from the
 * anchors (squared, plus a floor). A source with the same runtime or the same kind of cores so counts the most without
 * anybody naming it.
 */
export const blend: PredictionMethod = {
  id: 'blend',
  description:
    'all other systems, each shifted to the anchors by number format, weighted by how well it then fits them',
  learn: (items, sources) => {
    const isFloat = items.map(isFloatingPoint);
    return (anchors) => {
      const shifts = sources.map((source) => shiftOf(source, isFloat, anchors));
      const weights = shifts.map(({ variance }) => 1 / (variance + floor ** 2));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return Float64Array.from(items, (_, item) => {
        let sum = 0;
        for (const [i, source] of sources.entries()) {
          const { floats, others } = shifts[i]!;
          sum += weights[i]! * (source[item]! + (isFloat[item] ? floats : others));
        }
        return sum / total;
      });
    };
  },
};

/** By how much the new system is slower than a source, by number format, and how well that fits the anchors. */
function shiftOf(
  source: Float64Array,
  isFloat: readonly boolean[],
  { items, logs }: Anchors,
): { readonly floats: number; readonly others: number; readonly variance: number } {
  const gaps = items.map((item, i) => ({ gap: logs[i]! - source[item]!, isFloat: isFloat[item]! }));
  const meanOf = (some: typeof gaps): number | undefined =>
    some.length > 0 ? mean(some.map(({ gap }) => gap)) : undefined;
  const all = meanOf(gaps) ?? 0;
  const floats = meanOf(gaps.filter((one) => one.isFloat)) ?? all;
  const others = meanOf(gaps.filter((one) => !one.isFloat)) ?? all;
  const squares = gaps.reduce((sum, one) => sum + (one.gap - (one.isFloat ? floats : others)) ** 2, 0);
  return { floats, others, variance: squares / Math.max(1, gaps.length - 1) };
}

/** Whether a network is in floating point, whatever its width. */
function isFloatingPoint({ precision }: GridItem): boolean {
  return /^(fp|float|unknown)/.test(precision);
}
