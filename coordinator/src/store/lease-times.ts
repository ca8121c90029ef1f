/**
 * How long a device may take to stop a cancelled job, milliseconds: 10 s of grace for the runner, then the
 * kill. Its host counts as busy for that long.
 */
export const stopMs = 15_000;
