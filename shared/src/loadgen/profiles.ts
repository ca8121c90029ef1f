/** How long something is measured in all: MLPerf Mobile's `rapid` and `quick`, and MLPerf's own `full`. */
export const profileNames = ['rapid', 'quick', 'full'] as const;
export type ProfileName = (typeof profileNames)[number];

export interface Profile {
  /** Of all launches of a variant together. */
  readonly minQueries: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  /** The percentile that a server's bound is kept at, where nothing else is asked for: one that the queries can show. */
  readonly serverPercentile: number;
}

/**
 * `flutter/assets/tasks.pbtxt` of mlcommons/mobile_app_open: 64 queries in 6 to 60 s, 128 in 10 to 60 s, 1024 in 60
 * to 600 s. LoadGen's early stopping takes 64, 130 and 662 queries at the percentiles 0.9, 0.95 and 0.99.
 */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  rapid: { minQueries: 64, minDurationMs: 6000, maxDurationMs: 60_000, serverPercentile: 0.9 },
  quick: { minQueries: 128, minDurationMs: 10_000, maxDurationMs: 60_000, serverPercentile: 0.95 },
  full: { minQueries: 1024, minDurationMs: 60_000, maxDurationMs: 600_000, serverPercentile: 0.99 },
};

/** A profile's limits for one of so many launches. */
export function shareOfLaunch(
  profile: ProfileName,
  launches: number,
): { readonly minSamples: number; readonly minDurationMs: number; readonly maxDurationMs: number } {
  const { minQueries, minDurationMs, maxDurationMs } = profiles[profile];
  const share = (total: number): number => Math.max(1, Math.ceil(total / launches));
  return {
    minSamples: share(minQueries),
    minDurationMs: share(minDurationMs),
    maxDurationMs: share(maxDurationMs),
  };
}
