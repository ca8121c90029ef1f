import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';

/** Logs of a network's multiply-accumulates and parameters. */
export interface LogWork {
  readonly macs: number;
  readonly parameters: number;
}

/** A network measured on the system: the log of its nanoseconds. */
export interface MeasuredWork extends LogWork {
  readonly latency: number;
}

/** A way to tell a network's latency on a system from its work and from other networks on that system. Pure. */
export interface WorkMethod {
  readonly id: string;
  /** One sentence. */
  readonly description: string;
  /** At least three networks; answers with the log of nanoseconds. */
  learn(measured: readonly MeasuredWork[]): (work: LogWork) => number;
}

/** What everybody does first. */
export const macRate: WorkMethod = {
  id: 'mac-rate',
  description: 'its multiply-accumulates at the median rate of the other networks',
  learn: (measured) => {
    const shift = median(measured.map(({ latency, macs }) => latency - macs));
    return ({ macs }) => macs + shift;
  },
};

/**
 * The slower of two roofs, multiply-accumulates at one rate and parameters at another (Williams, Waterman, Patterson
 * 2009), both rates fitted: of all pairs of rates that some network has, the one with the least sum of absolute log
 * errors.
 */
export const fittedRoofline: WorkMethod = {
  id: 'fitted-roofline',
  description:
    'the slower of its multiply-accumulates and its parameters, each at a rate fitted to the other networks',
  learn: (measured) => {
    let best = { compute: 0, memory: Number.NEGATIVE_INFINITY, error: Number.POSITIVE_INFINITY };
    for (const a of measured) {
      const compute = a.latency - a.macs;
      for (const b of measured) {
        const memory = b.latency - b.parameters;
        let error = 0;
        for (const one of measured) {
          error += Math.abs(Math.max(one.macs + compute, one.parameters + memory) - one.latency);
        }
        if (error < best.error) best = { compute, memory, error };
      }
    }
    return ({ macs, parameters }) => Math.max(macs + best.compute, parameters + best.memory);
  },
};

/** Least squares of the log latency on the logs of both works. */
export const logRegression: WorkMethod = {
  id: 'log-regression',
  description: 'least squares of log latency on the logs of multiply-accumulates and parameters',
  learn: (measured) => {
    const center = {
      macs: mean(measured.map(({ macs }) => macs)),
      parameters: mean(measured.map(({ parameters }) => parameters)),
      latency: mean(measured.map(({ latency }) => latency)),
    };
    let [mm, mp, pp, ml, pl] = [0, 0, 0, 0, 0];
    for (const one of measured) {
      const macs = one.macs - center.macs;
      const parameters = one.parameters - center.parameters;
      const latency = one.latency - center.latency;
      mm += macs * macs;
      mp += macs * parameters;
      pp += parameters * parameters;
      ml += macs * latency;
      pl += parameters * latency;
    }
    const determinant = mm * pp - mp * mp;
    // Works that go hand in hand cannot be told apart: multiply-accumulates alone, or the mean where even they are equal.
    const tellsBoth = determinant > 1e-9 * mm * pp;
    const ofMacs = tellsBoth ? (pp * ml - mp * pl) / determinant : mm > 0 ? ml / mm : 0;
    const ofParameters = tellsBoth ? (mm * pl - mp * ml) / determinant : 0;
    return ({ macs, parameters }) =>
      center.latency + ofMacs * (macs - center.macs) + ofParameters * (parameters - center.parameters);
  },
};

const neighbours = 3;

/** The three networks that are most alike in both works, each scaled by its multiply-accumulates. */
export const nearestNetworks: WorkMethod = {
  id: 'nearest-networks',
  description: 'the three networks most like it in both works, scaled by multiply-accumulates',
  learn: (measured) => (work) => {
    const distance = ({ macs, parameters }: LogWork): number =>
      Math.hypot(macs - work.macs, parameters - work.parameters);
    const nearest = measured.toSorted((a, b) => distance(a) - distance(b)).slice(0, neighbours);
    return work.macs + mean(nearest.map(({ latency, macs }) => latency - macs));
  },
};

export const workMethods: readonly WorkMethod[] = [macRate, fittedRoofline, logRegression, nearestNetworks];
