/**
 * How long a device may take to stop a cancelled job, milliseconds: 10 s of grace for the runner, then the
 * kill. Its host counts as busy for that long.
 */
export const stopMs = 15_000;

/** The longest pause before another attempt that is kept over a restart, milliseconds; see `fleet/retry-policy.ts`. */
export const longestPauseMs = 60_000;
