import type { Interval } from '@qfleet/shared/statistics/interval.ts';

/** What a figure should be. */
export interface Goal {
  readonly is: 'at most' | 'at least';
  readonly limit: number;
}

/** One number that a benchmark found. */
export interface Figure {
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

export type GoalVerdict = 'met' | 'not met' | 'undecided';

/** Whether a figure meets its goal, by its whole interval where it has one; undefined where it has no goal. */
export function judgeGoal({ value, interval, goal }: Figure): GoalVerdict | undefined {
  if (!goal) return undefined;
  const meets = (each: number): boolean => (goal.is === 'at most' ? each <= goal.limit : each >= goal.limit);
  const met = [interval?.low ?? value, interval?.high ?? value].filter(meets).length;
  return (['not met', 'undecided', 'met'] as const)[met];
}
