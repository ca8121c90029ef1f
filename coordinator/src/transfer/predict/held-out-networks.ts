import { median } from '@qfleet/shared/statistics/median.ts';
import type { Grid } from '../grid.ts';
import { familyOf } from './evaluate-methods.ts';
import { findPublishedWork } from './published-work.ts';
import { type MeasuredWork, type WorkMethod, workMethods } from './work-methods.ts';

/** Errors of one method on one system, each network held out with all its number formats. */
export interface HeldOutNetworks {
  readonly system: string;
  /** |predicted / measured − 1|, median over networks and number formats. */
  readonly medianError: number;
  /** With the network's whole family held out. NaN where too few others are left. */
  readonly medianErrorOtherFamilies: number;
  readonly scored: number;
}

export interface NetworkErrors {
  readonly method: string;
  readonly systems: readonly HeldOutNetworks[];
  /** Median over systems. */
  readonly median: number;
  readonly worst: number;
  readonly medianOtherFamilies: number;
}

/** Networks with known work that a system has to have measured in a number format. */
const minNetworks = 8;
const minOtherFamilies = 5;

interface Known extends MeasuredWork {
  readonly network: string;
}

/**
 * Leave-one-network-out errors: the latency of a network that no system has measured, on systems that measured others,
 * from published work. Each number format is told from itself alone, so that a twin gives nothing away. Empty where no
 * system measured enough networks whose work is published.
 */
export function errorsOnNewNetworks(grid: Grid): NetworkErrors[] {
  const systems = grid.systems.flatMap(({ id }, index) => {
    const groups = knownByPrecision(grid, index).filter((known) => known.length >= minNetworks);
    return groups.length > 0 ? [{ id, groups }] : [];
  });
  if (systems.length === 0) return [];
  return workMethods.map((method) => {
    const held = systems.map(({ id, groups }): HeldOutNetworks => {
      const errors = groups.flatMap((known) =>
        leaveOut(known, method, ({ network }) => network, minNetworks - 1),
      );
      const apart = groups.flatMap((known) =>
        leaveOut(known, method, ({ network }) => familyOf(network), minOtherFamilies),
      );
      return {
        system: id,
        medianError: median(errors),
        medianErrorOtherFamilies: apart.length > 0 ? median(apart) : Number.NaN,
        scored: errors.length,
      };
    });
    const errors = held.map(({ medianError }) => medianError);
    const apart = held.map((one) => one.medianErrorOtherFamilies).filter((error) => !Number.isNaN(error));
    return {
      method: method.id,
      systems: held,
      median: median(errors),
      worst: Math.max(...errors),
      medianOtherFamilies: apart.length > 0 ? median(apart) : Number.NaN,
    };
  });
}

/** Of one system, the networks whose work is published, a list per number format. */
function knownByPrecision(grid: Grid, system: number): Known[][] {
  const groups = new Map<string, Known[]>();
  for (const [item, { network, precision }] of grid.items.entries()) {
    const latency = grid.logs[system]![item]!;
    const work = findPublishedWork(network);
    if (Number.isNaN(latency) || !work) continue;
    const known = { network, latency, macs: Math.log(work.macs), parameters: Math.log(work.parameters) };
    const group = groups.get(precision);
    if (group) group.push(known);
    else groups.set(precision, [known]);
  }
  return [...groups.values()];
}

/** Errors of every network that is told from those with another key, where at least so many are left. */
function leaveOut(
  known: readonly Known[],
  method: WorkMethod,
  keyOf: (one: Known) => string,
  minLeft: number,
): number[] {
  const errors: number[] = [];
  for (const key of new Set(known.map(keyOf))) {
    const rest = known.filter((one) => keyOf(one) !== key);
    if (rest.length < minLeft) continue;
    const predict = method.learn(rest);
    for (const one of known) {
      if (keyOf(one) === key) errors.push(Math.abs(Math.exp(predict(one) - one.latency) - 1));
    }
  }
  return errors;
}
