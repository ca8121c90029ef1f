import { profileNames } from '@qfleet/shared/loadgen/profiles.ts';
import { printableName } from '@qfleet/shared/terminal/printable-name.ts';
import * as z from 'zod';
import { scenarioSchema } from './scenario.ts';

/** What the user asks for: variants × devices × backends × scenarios, with limits. Every field has a default but the model. */
export const planSchema = z.strictObject({
  name: printableName.default(''),
  /** `divergence`: a step of a search inside a network, which is never the run that `latest` means. */
  purpose: z.enum(['measurement', 'divergence']).default('measurement'),
  /** Name or digest. */
  model: z.string(),
  /** Names, digests, or `all`. */
  variants: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  /** Names, ids, or `all`: every approved device that is connected when the run is created. */
  devices: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  /** Ids, or `all`: every one that a device offers, `noop` excepted. */
  backends: z.union([z.literal('all'), z.array(z.string())]).default('all'),
  /** A use in plain words that says which load is offered where the plan itself does not; see `expandPlan`. */
  preset: z.enum(['camera', 'gateway', 'batch']).optional(),
  /** Empty: the preset's, or `single-stream`. */
  scenarios: z.array(scenarioSchema).default([]),
  /** Variants of the model, or other models, that serve at the same time, each in a process of its own. */
  companions: z.array(z.string()).default([]),
  /** Processes that keep one processor busy each while variants are timed. */
  backgroundProcesses: z.number().int().nonnegative().max(64).default(0),
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
      /** How long a cell is timed in all: MLPerf Mobile's `rapid` and `quick`, MLPerf's own `full`. */
      profile: z.enum(profileNames).default('quick'),
      launches: z.number().int().min(1).default(6),
      /** Of one launch. Absent: the profile's, spread over the launches. */
      minSamples: z.number().int().min(1).optional(),
      minDurationMs: z.number().int().nonnegative().optional(),
      maxDurationMs: z.number().int().positive().optional(),
      maxWarmupSamples: z.number().int().positive().default(200),
      /** One more launch per variant records which operators take the time. */
      operatorProfile: z.boolean().default(true),
      /** One more launch per variant runs under hardware counters and power meters. */
      counters: z.boolean().default(true),
      /** How often all launches are made again where the timing cannot be trusted. Absent: once, with `rapid` never. */
      repeats: z.number().int().nonnegative().max(10).optional(),
      /** One more launch per variant runs for so long without a pause; 0: none. */
      sustainedMinutes: z.number().nonnegative().max(1440).default(0),
      /** An effect up to this share is not called a difference. */
      minEffect: z.number().positive().max(1).default(0.02),
      /** Two variants are called the same where their ratio lies within this share of 1. */
      equivalenceMargin: z.number().positive().max(1).default(0.05),
    })
    .prefault({}),
  /** What a variant has to keep to be recommended; what is left out has no limit, but for accuracy. */
  goals: z
    .strictObject({
      /** Top-1 lost against fp32, percentage points; 1 where neither this nor `percentMaxDegradation` is given. */
      maxAccuracyLoss: z.number().nonnegative().optional(),
      maxP90Ms: z.number().positive().optional(),
      maxSizeBytes: z.number().positive().optional(),
      /** Accuracy lost relative to fp32's, %; Olive's words, as is the next. */
      percentMaxDegradation: z.number().nonnegative().optional(),
      /** Latency saved against fp32, %. */
      percentMinImprovement: z.number().max(100).optional(),
    })
    .default({}),
  /** A device is probed where its last probe is older than this, hours; 0: always; -1: never. */
  probeMaxAgeHours: z.number().default(168),
  seed: z.number().int().nonnegative().default(1),
});
export type Plan = z.infer<typeof planSchema>;
