/** The search ends where the failing rate is so little above the passing one: under a tenth of what launches may differ by. */
const resolution = 1.02;
/** Until both ends are known, a rate is doubled or halved. */
const stride = 2;
/** A rate so far under the speed of the device that keeps no bound: even lone queries exceed it. */
const lowestShare = 1 / 32;
/** Doubling, halving and bisecting a factor of two to 2 % takes eleven at most; more means that the device is unsteady. */
const maxTrials = 16;

/** The search for the highest rate that keeps the bound; knows nothing of time. */
export interface RateSearch {
  /** The rate to try next, queries per second; undefined where the search has ended. */
  next(): number | undefined;
  record(ratePerSec: number, passed: boolean): void;
}

/**
 * Bisection, by the geometric mean, between the highest rate that passed below all that failed and the lowest that
 * failed. Starts at `startRatePerSec`, usually the device's own service rate.
 */
export function createRateSearch(startRatePerSec: number): RateSearch {
  let passing: number | undefined;
  let failing: number | undefined;
  let trials = 0;
  const choose = (): number | undefined => {
    if (passing === undefined && failing === undefined) return startRatePerSec;
    if (failing === undefined) return passing! * stride;
    if (passing === undefined) {
      const lower = failing / stride;
      return lower < startRatePerSec * lowestShare ? undefined : lower;
    }
    return failing / passing <= resolution ? undefined : Math.sqrt(passing * failing);
  };
  return {
    next: () => (trials >= maxTrials ? undefined : choose()),
    record: (ratePerSec, passed) => {
      trials++;
      if (passed) passing = Math.max(passing ?? 0, ratePerSec);
      else failing = Math.min(failing ?? Number.POSITIVE_INFINITY, ratePerSec);
    },
  };
}
