import { createRandom } from '@qfleet/shared/random.ts';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { percentile } from '@qfleet/shared/statistics/percentile.ts';
import type { Grid } from '../grid.ts';
import type { PredictionMethod } from './method.ts';

/** Sets of anchors that are tried. */
const candidates = 300;

export interface ChosenAnchors {
  readonly anchors: readonly number[];
  /** Error to be expected with these anchors, log units: the median over items and boards that were held out. */
  readonly expectedError: number;
  /** 90 % of the errors of held-out boards lie within this, log units. */
  readonly spread90: number;
}

/**
 * Which networks to measure on a new device, so that a method can tell the rest: of some hundred sets drawn at random
 * (seeded) the one with which each source system is predicted best from the sources on other boards. The new device's
 * own latencies have no part in it. `grid` is complete and holds the sources alone.
 */
export function chooseAnchors(
  grid: Grid,
  method: PredictionMethod,
  { count, seed }: { readonly count: number; readonly seed: number },
): ChosenAnchors {
  const random = createRandom(seed);
  const precisions = new Set(grid.items.map(({ precision }) => precision)).size;
  const folds = holdOut(grid, method);
  let best: ChosenAnchors | undefined;
  for (let i = 0; i < candidates; i++) {
    const anchors = draw(grid.items.length, count, (below) => random.below(below));
    const covered = new Set(anchors.map((item) => grid.items[item]!.precision)).size;
    if (covered < Math.min(2, count, precisions)) continue;
    const errors = folds.map((fold) => fold(anchors));
    const expectedError = mean(errors.map(median));
    if (best && best.expectedError <= expectedError) continue;
    best = { anchors, expectedError, spread90: spreadOf(errors) };
  }
  return (
    best ?? {
      anchors: grid.items.map((_, i) => i).slice(0, count),
      expectedError: Number.NaN,
      spread90: Number.NaN,
    }
  );
}

/** 90 % of all errors lie within this; the largest where they are few. */
function spreadOf(errors: readonly Float64Array[]): number {
  const all = Float64Array.from(errors.flatMap((each) => [...each])).sort();
  const spread = percentile(all, 0.9);
  return spread.available ? spread.value : (all.at(-1) ?? 0);
}

/**
 * Of every source, its absolute log errors by anchors where it is told from the sources on other boards; where there
 * are none, from all others.
 */
function holdOut(grid: Grid, method: PredictionMethod): ((anchors: readonly number[]) => Float64Array)[] {
  return grid.systems.map((held, row) => {
    const elsewhere = grid.logs.filter((_, i) => grid.systems[i]!.board !== held.board);
    const others = elsewhere.length > 0 ? elsewhere : grid.logs.filter((_, i) => i !== row);
    const truth = grid.logs[row]!;
    const predict = method.learn(grid.items, others.length > 0 ? others : [truth]);
    return (anchors) => {
      const told = predict({ items: anchors, logs: anchors.map((item) => truth[item]!) });
      return truth.map((log, item) => Math.abs(told[item]! - log));
    };
  });
}

/** `count` different numbers below `length`. */
function draw(length: number, count: number, below: (limit: number) => number): number[] {
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, length)) drawn.add(below(length));
  return [...drawn];
}
