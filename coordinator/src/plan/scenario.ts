import { type ProfileName, profiles } from '@qfleet/shared/loadgen/profiles.ts';
import { scenarios } from '@qfleet/shared/loadgen/scenarios.ts';
import * as z from 'zod';

const positive = z.number().positive();

/** How load is offered, with its parameters. MLPerf's names; `fixed-rate` is not MLPerf's. */
const loadedScenarioSchema = z.discriminatedUnion('scenario', [
  z.strictObject({ scenario: z.literal('single-stream') }),
  z.strictObject({
    scenario: z.literal('multi-stream'),
    /** LoadGen's 8. */
    samplesPerQuery: z.number().int().min(1).max(4096).default(8),
  }),
  z.strictObject({
    scenario: z.literal('server'),
    /** Latency from the scheduled arrival must not exceed this at the percentile, milliseconds; LoadGen's default. */
    boundMs: positive.max(3_600_000).default(100),
    /** Absent: the highest that the profile's queries can show, LoadGen's 0.99 with `full`. */
    percentile: z.number().min(0.5).max(0.999).optional(),
    /** Absent: the highest rate within the bound is searched. */
    ratePerSec: positive.optional(),
  }),
  z.strictObject({ scenario: z.literal('offline') }),
  z.strictObject({
    scenario: z.literal('fixed-rate'),
    /** A frame that still waits when the next one comes is dropped. */
    framesPerSec: positive.max(10_000).default(30),
  }),
]);
type LoadedScenario = z.infer<typeof loadedScenarioSchema>;
type ServerScenario = Extract<LoadedScenario, { scenario: 'server' }>;

/** A scenario in which everything is said. */
export type Scenario =
  | Exclude<LoadedScenario, { scenario: 'server' }>
  | (ServerScenario & { readonly percentile: number });

/** A scenario by its name, with the defaults, or with its parameters: `{scenario: server, boundMs: 50}`. */
export const scenarioSchema = z.union([z.enum(scenarios), loadedScenarioSchema]);

/** A scenario with its defaults filled in. */
export function completeScenario(asked: z.infer<typeof scenarioSchema>, profile: ProfileName): Scenario {
  const loaded = loadedScenarioSchema.parse(typeof asked === 'string' ? { scenario: asked } : asked);
  if (loaded.scenario !== 'server') return loaded;
  return { ...loaded, percentile: loaded.percentile ?? profiles[profile].serverPercentile };
}
