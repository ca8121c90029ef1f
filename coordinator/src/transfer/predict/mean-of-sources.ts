import { mean } from '@qfleet/shared/statistics/mean.ts';
import type { PredictionMethod } from './method.ts';

/** A system is its own constant and the network's: the additive model of log latencies. */
export const meanOfSources: PredictionMethod = {
  id: 'mean-of-sources',
  description: 'the geometric mean of all other systems, scaled by that of the anchors’ ratios',
  learn: (_items, sources) => {
    const center = meanOf(sources);
    return (anchors) => {
      const shift = mean(anchors.items.map((item, i) => anchors.logs[i]! - center[item]!));
      return center.map((log) => log + shift);
    };
  },
};

/** Mean of the sources' logs, item by item. */
export function meanOf(sources: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    sources[0]!,
    (_, item) => sources.reduce((sum, source) => sum + source[item]!, 0) / sources.length,
  );
}
