import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import * as z from 'zod';
import { speedVerdictSchema } from './cell.ts';
import { flipsSchema } from './describe-flips.ts';

const predictionSchema = z.object({
  /** Whether the answers will differ from the reference place's beyond rounding. */
  expects: z.enum(['same', 'differs', 'unknown']),
  why: z.string(),
  /** What running it said of that; `open` where it says nothing. */
  outcome: z.enum(['confirmed', 'refuted', 'open']),
});
export type NumericPrediction = z.infer<typeof predictionSchema>;

const transferVerdictSchema = z.object({
  verdict: z.enum(['transfers', 'transfers with loss', 'does not transfer', 'cannot be said']),
  /** What was shown of answers and of speed, in words. */
  reasons: z.array(z.string()),
  /** Those of the reasons on which the verdict rests. */
  decisive: z.array(z.string()),
});
export type TransferVerdict = z.infer<typeof transferVerdictSchema>;

/** How one variant behaves in one place compared with the reference place. */
export const comparisonSchema = z.object({
  placeId: z.string(),
  referencePlaceId: z.string(),
  variant: z.object({ digest: z.string(), name: z.string() }),
  scenario: z.string(),
  settingsDigest: z.string(),
  /** Inputs that both places evaluated; 0 where they cannot be compared. */
  commonInputs: z.number().int(),
  /** Whether all outputs of all common inputs are the same bytes. */
  outputs: z.enum(['identical', 'different', 'not-compared']),
  /** What to know before reading the numbers: a shorter prefix, differing inputs. */
  notes: z.array(z.string()),
  /** From the numeric fingerprints of both places and the variant's weights, made without its outputs. */
  prediction: predictionSchema,
  transfer: transferVerdictSchema,
  /** Absent where no input flips, or that cannot be said. */
  flips: flipsSchema.optional(),
  /** McNemar's test of the accuracies in both places: inputs that one alone gets right; p adjusted by Holm over the report. */
  mcnemar: z
    .object({
      hereOnly: z.number(),
      thereOnly: z.number(),
      p: z.number(),
      adjustedP: z.number(),
      method: z.string(),
    })
    .optional(),
  /** Of the latency ratio; absent where there is none. */
  speed: speedVerdictSchema.optional(),
  /** `transfer.latency.ratio`, `transfer.accuracy.difference`, `transfer.sqnr.output`, `transfer.flips.top1`, `transfer.flips.top1.variant`. */
  readings: z.record(z.string(), readingSchema),
});
export type PlaceComparison = z.infer<typeof comparisonSchema>;
