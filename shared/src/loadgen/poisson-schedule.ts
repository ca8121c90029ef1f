import type { Random } from '../random.ts';

/**
 * When queries come that come at random (a Poisson process, as in MLPerf's server): ascending, nanoseconds after the
 * start, with exponentially distributed gaps of mean 1/`ratePerSec`, > 0. Equal seeds give equal schedules, and of
 * two rates the same schedule stretched. LoadGen's rule, not its bit-exact sequence.
 */
export function poissonSchedule(options: {
  readonly random: Random;
  readonly ratePerSec: number;
  readonly count: number;
}): Float64Array {
  const { random, ratePerSec, count } = options;
  const meanGapNs = 1e9 / ratePerSec;
  const arrivals = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    // next() may be 0, never 1: the logarithm stays finite.
    at -= Math.log(1 - random.next()) * meanGapNs;
    arrivals[i] = at;
  }
  return arrivals;
}
