import type { Interval } from '@qfleet/shared/statistics/interval.ts';

/** What a figure should be. */
export type Goal =
  | { readonly is: 'at most' | 'at least'; readonly limit: number }
  | { readonly is: 'between'; readonly low: number; readonly high: number };

/** One number that a benchmark found, or why there is none. */
export type Figure = FoundFigure | MissingFigure;

export interface FoundFigure {
  /** By id, `<benchmark>.<what>`. */
  readonly name: string;
  readonly value: number;
  /** `1` for ratios, `MB/s` with 1 MB = 10^6 B, `MB`, `µs`, `ms`, `1/s`, `s/GB`, `%`, `count`. */
  readonly unit: string;
  readonly interval?: Interval;
  /** Observations behind it: launches, transfers, results. */
  readonly n?: number;
  readonly goal?: Goal;
  /** How it was obtained, where the name does not say it. */
  readonly note?: string;
}

export interface MissingFigure {
  readonly name: string;
  readonly unit: string;
  /** A reason, as readings have it: `no-gcc`. */
  readonly unavailable: string;
}

export type GoalVerdict = 'met' | 'not met' | 'undecided';

/** Whether a figure meets its goal, by its whole interval where it has one; undefined where there is nothing to judge. */
export function judgeGoal(figure: Figure): GoalVerdict | undefined {
  if (!('value' in figure) || !figure.goal) return undefined;
  const { value, goal } = figure;
  const { low, high } = figure.interval ?? { low: value, high: value };
  const least = goal.is === 'at least' ? goal.limit : goal.is === 'between' ? goal.low : -Infinity;
  const most = goal.is === 'at most' ? goal.limit : goal.is === 'between' ? goal.high : Infinity;
  if (low >= least && high <= most) return 'met';
  return high < least || low > most ? 'not met' : 'undecided';
}
