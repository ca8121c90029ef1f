import { nearestRank } from './percentile.ts';

/** Samples of several launches, sorted together, each knowing its launch. */
export interface PooledSamples {
  readonly values: Float64Array;
  /** Index of the launch of each value. */
  readonly launches: Uint32Array;
  readonly launchSizes: Uint32Array;
}

/** Sorts the samples of all launches together. */
export function poolSamples(launches: readonly ArrayLike<number>[]): PooledSamples {
  const total = launches.reduce((sum, launch) => sum + launch.length, 0);
  const values = new Float64Array(total);
  const owners = new Uint32Array(total);
  let next = 0;
  launches.forEach((launch, index) => {
    for (let i = 0; i < launch.length; i++) {
      values[next] = launch[i]!;
      owners[next++] = index;
    }
  });
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  return {
    values: Float64Array.from(order, (index) => values[index]!),
    launches: Uint32Array.from(order, (index) => owners[index]!),
    launchSizes: Uint32Array.from(launches, (launch) => launch.length),
  };
}

/**
 * Nearest-rank p-quantile of the pool in which launch i counts `weights[i]` times: what a bootstrap over
 * launches needs, in one walk and without sorting again. Walks from the top, since tails are short.
 */
export function weightedPercentile(pool: PooledSamples, weights: ArrayLike<number>, p: number): number {
  let total = 0;
  pool.launchSizes.forEach((size, launch) => {
    total += size * weights[launch]!;
  });
  let above = total - nearestRank(total, p);
  for (let i = pool.values.length - 1; i >= 0; i--) {
    above -= weights[pool.launches[i]!]!;
    if (above < 0) return pool.values[i]!;
  }
  throw new RangeError('Expected a positive weight on a launch with samples.');
}
