import type { ActivationFormat, Range } from '../../static/compute-scale.ts';
import type { Statistics } from '../tensor-statistics.ts';
import { entropy } from './entropy.ts';
import { minMax } from './min-max.ts';
import { movingAverage } from './moving-average.ts';
import { mse } from './mse.ts';
import type { Observer, ObserverSpec } from './observer.ts';
import { percentile } from './percentile.ts';

/** Every observer, one file each. */
const observers: readonly Observer[] = [minMax, movingAverage, percentile, entropy, mse];

export function findObserver(method: ObserverSpec['method']): Observer {
  return observers.find((observer) => observer.method === method)!;
}

/** Each tensor's range by one observer. Ranges are widened to float32, the numbers that the record keeps. */
export function chooseRanges(
  statistics: Statistics,
  format: ActivationFormat,
  spec: ObserverSpec,
): Record<string, Range> {
  const observer = findObserver(spec.method);
  return Object.fromEntries(
    Object.entries(statistics).map(([tensor, seen]) => {
      const { low, high } = observer.chooseRange(seen, format, spec);
      return [tensor, { low: Math.fround(low), high: Math.fround(high) }];
    }),
  );
}
