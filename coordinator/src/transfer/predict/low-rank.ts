import { mean } from '@qfleet/shared/statistics/mean.ts';
import { meanOf } from './mean-of-sources.ts';
import type { PredictionMethod } from './method.ts';

/** Weight of the factor is held towards 0 by so much: three anchors would follow every noise. */
const ridge = 0.3;
const iterations = 50;

/**
 * Rank-one completion of the systems × items matrix: beside the additive model one factor, in which the sources differ
 * the most (first right singular vector of their residuals, by power iteration); how much of it the new system has is
 * fitted to the anchors by ridge regression.
 */
export const lowRank: PredictionMethod = {
  id: 'low-rank',
  description:
    'the mean of all other systems, and the one factor in which they differ most, fitted to the anchors',
  learn: (_items, sources) => {
    const center = meanOf(sources);
    const factor = firstFactor(sources, center);
    return (anchors) => {
      const residuals = anchors.items.map((item, i) => anchors.logs[i]! - center[item]!);
      const shift = mean(residuals);
      const meanFactor = mean(anchors.items.map((item) => factor[item]!));
      let [product, square] = [0, ridge];
      for (const [i, item] of anchors.items.entries()) {
        const deviation = factor[item]! - meanFactor;
        product += deviation * (residuals[i]! - shift);
        square += deviation * deviation;
      }
      const weight = product / square;
      return center.map((log, item) => log + shift + weight * (factor[item]! - meanFactor));
    };
  },
};

/** First right singular vector times its singular value of the sources' residuals, each source's own mean taken out. */
function firstFactor(sources: readonly Float64Array[], center: Float64Array): Float64Array {
  const residuals = sources.map((source) => {
    const differences = source.map((log, item) => log - center[item]!);
    const own = mean(differences);
    return differences.map((value) => value - own);
  });
  let weights = residuals.map((_, i) => (i % 2 === 0 ? 1 : -1) + i / 10);
  let factor = new Float64Array(center.length);
  for (let i = 0; i < iterations; i++) {
    factor = center.map((_, item) =>
      residuals.reduce((sum, row, source) => sum + weights[source]! * row[item]!, 0),
    ) as typeof factor;
    const raw = residuals.map((row) => row.reduce((sum, value, item) => sum + value * factor[item]!, 0));
    const norm = Math.hypot(...raw);
    if (norm === 0) return new Float64Array(center.length);
    weights = raw.map((value) => value / norm);
  }
  return factor;
}
