import type { Observer } from './observer.ts';

/** Everything that was seen: nothing is clipped, and one outlier costs everybody's resolution. */
export const minMax: Observer = {
  method: 'min-max',
  description: 'smallest to largest value seen',
  needsHistogram: false,
  chooseRange: ({ low, high }) => ({ low, high }),
};
