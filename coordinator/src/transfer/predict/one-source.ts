import { median } from '@qfleet/shared/statistics/median.ts';
import type { PredictionMethod } from './method.ts';

/** What everybody does first: the baseline. */
export const oneSource: PredictionMethod = {
  id: 'one-source',
  description: 'one other system, scaled by the median ratio of the anchors',
  learn:
    (_items, [source]) =>
    (anchors) => {
      const shift = median(anchors.items.map((item, i) => anchors.logs[i]! - source![item]!));
      return source!.map((log) => log + shift);
    },
};
