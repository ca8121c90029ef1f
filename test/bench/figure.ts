import type { Interval } from '@qfleet/shared/statistics/interval.ts';

/** What a figure should be; `met` is worked out from the value, not from its interval. */
export interface Goal {
  readonly is: 'at most' | 'at least';
  readonly limit: number;
}

/** One number that a benchmark found. */
export interface Figure {
  /** By id, `<benchmark>.<what>`. */
  readonly name: string;
  readonly value: number;
  /** `1` for ratios, `MB/s` with 1 MB = 10^6 B, `MB`, `µs`, `ms`, `1/s`, `%`, `count`. */
  readonly unit: string;
  readonly interval?: Interval;
  /** Observations behind it: launches, transfers, results. */
  readonly n?: number;
  readonly goal?: Goal;
  /** How it was obtained, where the name does not say it. */
  readonly note?: string;
}

/** Whether a figure meets its goal; undefined where it has none. */
export function isMet({ value, goal }: Figure): boolean | undefined {
  if (!goal) return undefined;
  return goal.is === 'at most' ? value <= goal.limit : value >= goal.limit;
}
