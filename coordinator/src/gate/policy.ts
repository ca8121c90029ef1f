import { timingVerdicts } from '@qfleet/shared/verdict/timing-verdicts.ts';
import * as z from 'zod';

/** What a run has to keep; what a policy leaves out is not checked. */
export const policySchema = z.strictObject({
  /** Variants that are checked, by name; all quantized ones by default. */
  variants: z.array(z.string()).optional(),
  /** Top-1 lost against fp32, points: the upper end of its interval on the worst place. */
  maxAccuracyLoss: z.number().nonnegative().optional(),
  /** Share of inputs that flip between places though fp32 does not, the upper end of its interval. */
  maxOwnFlips: z.number().min(0).max(1).optional(),
  /** Share of the multiply-accumulates in integer kernels, every place that tells. */
  minIntegerShare: z.number().min(0).max(1).optional(),
  /** Timing verdicts that are good enough, of places that are timed. */
  timing: z.array(z.enum(timingVerdicts)).optional(),
  /** Verdicts on transfer that are good enough. */
  transfer: z
    .array(z.enum(['transfers', 'transfers with loss', 'does not transfer', 'cannot be said']))
    .optional(),
  /** Against a base run. */
  regression: z
    .strictObject({
      /** New over old latency: fails where the whole interval lies above, so a regression is shown. */
      maxLatencyRatio: z.number().positive().default(1.05),
      /** Fails where it cannot be shown that the ratio stays below, too. */
      needsProof: z.boolean().default(false),
      /** Points lost since the base run: fails where the whole interval lies above. */
      maxAccuracyLoss: z.number().nonnegative().default(0.5),
    })
    .optional(),
});
export type Policy = z.infer<typeof policySchema>;
