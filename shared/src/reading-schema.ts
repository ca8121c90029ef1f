import * as z from 'zod';

/**
 * One value. A missing number is absent with a reason, never 0: `value` is there exactly where the status
 * is not `unavailable`, `reason` exactly where it is.
 */
export const readingSchema = z.discriminatedUnion('status', [
  z.object({
    /** What is meant, by id: `latency.p50`, `mem.bandwidth.copy`. */
    quantity: z.string(),
    /** `measured`: a direct reading of the thing named; `derived`: by a formula, whose inputs `method` names. */
    status: z.enum(['measured', 'derived']),
    value: z.number(),
    /** `ns`, `B`, `B/s`, `1`, `points`, `dB`, `1/s`, `milliC`, `Hz`, … */
    unit: z.string(),
    /** How it was obtained; only equal methods are compared without a flag. */
    method: z.string(),
    /** 95 % interval, same unit. */
    interval: z.object({ low: z.number(), high: z.number(), method: z.string() }).optional(),
    /** Number of observations behind it. */
    n: z.number().int().optional(),
    flags: z.array(z.string()).optional(),
  }),
  z.object({
    quantity: z.string(),
    status: z.literal('unavailable'),
    unit: z.string(),
    /** A code, then words: `no-pmu`, `permission: …`, `n-too-small: 120 of 500`, `emulated`, `no-labels`. */
    reason: z.string(),
    method: z.string().optional(),
    flags: z.array(z.string()).optional(),
  }),
]);
