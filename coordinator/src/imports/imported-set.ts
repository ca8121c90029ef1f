import * as z from 'zod';

/** Where something was measured by somebody else. */
const systemSchema = z.object({
  id: z.string(),
  /** The physical board or chipset: systems of one board differ in their runtime alone. */
  board: z.string(),
  runtime: z.string(),
  /** Of the board's memory, bytes per second, from another source than the latencies. */
  bandwidth: z.number().positive().optional(),
});
export type ImportedSystem = z.infer<typeof systemSchema>;

/** One network in one number format on one system. Latencies of one inference, nanoseconds. */
const resultSchema = z.object({
  system: z.string(),
  /** The network, its number format left out: twins have the same. */
  network: z.string(),
  /** `fp32`, `int8`, …; `unknown` where the source does not tell. */
  precision: z.string(),
  latencyNs: z.number().positive(),
  /** What `latencyNs` is: `mean`, `p50`, `avg`. */
  statistic: z.string(),
  p90Ns: z.number().positive().optional(),
  /** Inferences behind it. */
  n: z.number().int().positive().optional(),
  /** Inputs answered rightly, of so many. */
  accuracy: z.object({ good: z.number(), total: z.number().positive() }).optional(),
});
export type ImportedResult = z.infer<typeof resultSchema>;

/** Measurements that others published, schema `qfleet.import/1`. */
export const importedSetSchema = z.object({
  schema: z.literal('qfleet.import/1'),
  /** Whose format it was: `mlperf`, `ncnn`, `aihub`, `trtexec`. */
  kind: z.string(),
  /** Name of the file or folder, and the SHA-256 of what was read of it. */
  source: z.object({ name: z.string(), digest: z.string() }),
  systems: z.array(systemSchema),
  results: z.array(resultSchema),
  /** What was left out and why, one sentence each. */
  notes: z.array(z.string()),
});
export type ImportedSet = z.infer<typeof importedSetSchema>;
