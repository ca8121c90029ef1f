import * as z from 'zod';

/** What the user asks for: variants × devices × backends × scenarios, with limits. Every field has a default but the model. */
export const planSchema = z.strictObject({
  name: z.string().default(''),
  /** Name or digest. */
  model: z.string(),
  /** Names, digests, or `all`. */
  variants: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  /** Names, ids, or `all`: every approved device that is connected when the run is created. */
  devices: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  /** Ids, or `all`: every one that a device offers, `noop` excepted. */
  backends: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  scenarios: z.array(z.enum(['single-stream'])).default(['single-stream']),
  settings: z
    .array(
      z.strictObject({
        threads: z.number().int().nonnegative().default(0),
        batch: z.number().int().positive().default(1),
        providerOptions: z.record(z.string(), z.string()).default({}),
        affinity: z.array(z.number().int().nonnegative()).default([]),
        dimensions: z.record(z.string(), z.number().int().positive()).default({}),
      }),
    )
    .default([{ threads: 0, batch: 1, providerOptions: {}, affinity: [], dimensions: {} }]),
  /** Absent: no evaluation, and the timed inputs are seeded random values. */
  evaluation: z
    .strictObject({
      /** Name or digest; its evaluation split, or all of it. */
      dataset: z.string(),
      /** First so many inputs; 0: all. */
      limit: z.number().int().nonnegative().default(0),
      /** The same for emulated devices, which are slow. */
      emulatedLimit: z.number().int().nonnegative().default(200),
      /** Raw outputs are kept for the first so many inputs. */
      comparison: z.number().int().nonnegative().default(256),
      /** Evaluate although the variants were calibrated with some of the same items. */
      allowOverlap: z.boolean().default(false),
    })
    .optional(),
  timing: z
    .strictObject({
      enabled: z.boolean().default(true),
      launches: z.number().int().min(1).default(6),
      minSamples: z.number().int().min(1).default(100),
      minDurationMs: z.number().int().nonnegative().default(1000),
      maxDurationMs: z.number().int().positive().default(60_000),
      maxWarmupSamples: z.number().int().positive().default(200),
      profile: z.boolean().default(true),
    })
    .default({
      enabled: true,
      launches: 6,
      minSamples: 100,
      minDurationMs: 1000,
      maxDurationMs: 60_000,
      maxWarmupSamples: 200,
      profile: true,
    }),
  /** A device is probed where its last probe is older than this, hours; 0: always; -1: never. */
  probeMaxAgeHours: z.number().default(168),
  seed: z.number().int().nonnegative().default(1),
});
export type Plan = z.infer<typeof planSchema>;
