import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import { speedVerdicts } from '@qfleet/shared/statistics/compare-launches.ts';
import { timingVerdicts } from '@qfleet/shared/verdict/timing-verdicts.ts';
import * as z from 'zod';
import { latencyPointSchema } from './latency-curve.ts';

/** What may be wrong with a cell's outputs, from bad to worst; `sound` where nothing is. */
export const numericsVerdicts = [
  'sound',
  'not-repeatable',
  'partly-fed',
  'incomplete',
  'non-finite',
  'inputs-differ',
  'missing',
] as const;
export type NumericsVerdictWord = (typeof numericsVerdicts)[number];

const timingSchema = z.object({
  verdict: z.enum(timingVerdicts),
  /** Worst first; empty where trusted. */
  reasons: z.array(z.object({ code: z.enum(timingVerdicts), detail: z.string() })),
});

const numericsSchema = z.object({
  verdict: z.enum(numericsVerdicts),
  /** Every planned input was evaluated, with data in all inputs of the model, and gave finite outputs. */
  complete: z.boolean(),
  /** Absent where no input was run twice. */
  repeatable: z.boolean().optional(),
  /** Whether the final input bytes are those of the other places; absent where none evaluated as many inputs. */
  sameInputs: z.boolean().optional(),
  reasons: z.array(z.object({ code: z.enum(numericsVerdicts), detail: z.string() })),
});
export type NumericsVerdict = z.infer<typeof numericsSchema>;

/** `integer`: computes on 8-bit integers; `convert`: quantizes or dequantizes; `float`: everything else; `unknown`: the runtime did not tell. */
const kernelKindSchema = z.enum(['integer', 'convert', 'float', 'unknown']);

/** How often an operator type occurs in one inference, and what share of the time in operators it takes. */
const operatorSchema = z.object({
  type: z.string(),
  kind: kernelKindSchema,
  /** The runtime's execution provider that took it, where the trace tells. */
  provider: z.string().optional(),
  count: z.number().int(),
  timeShare: readingSchema,
});
export type OperatorUse = z.infer<typeof operatorSchema>;

/** One layer of the model as the runtime executed it, against the device's own roofs. */
const layerSchema = z.object({
  /** As in the model's file. */
  name: z.string(),
  operator: z.string(),
  /** The kernel that took it. */
  type: z.string(),
  kind: kernelKindSchema,
  /** Multiply-accumulates of one inference, the whole batch. */
  macs: z.number(),
  /** Activations, weights and outputs once. */
  bytes: z.number().optional(),
  time: readingSchema,
  computeShare: readingSchema,
  memoryShare: readingSchema,
});
export type LayerUse = z.infer<typeof layerSchema>;

const settingsSchema = z.object({
  threads: z.number(),
  batch: z.number(),
  providerOptions: z.record(z.string(), z.string()),
  affinity: z.array(z.number()),
  dimensions: z.record(z.string(), z.number()),
});
export type CellSettings = z.infer<typeof settingsSchema>;

export const speedVerdictSchema = z.enum(speedVerdicts);

/** The summary of one device × backend × variant × scenario × settings. */
export const cellSchema = z.object({
  id: z.string(),
  placeId: z.string(),
  deviceId: z.string(),
  deviceName: z.string(),
  backend: z.object({ id: z.string(), version: z.string() }),
  variant: z.object({ digest: z.string(), name: z.string() }),
  /** Set on the fp32 variant that the others are compared with. */
  isReference: z.boolean(),
  scenario: z.string(),
  settings: settingsSchema,
  /** SHA-256 of the settings' canonical JSON. */
  settingsDigest: z.string(),
  /** Threads that were really used; absent where nothing was timed. */
  threadsUsed: z.number().optional(),
  launches: z.object({ planned: z.number(), completed: z.number() }),
  /** Where all launches were made again: the series that counts, from 0, and each series' worst verdict in the job. */
  series: z.object({ chosen: z.number(), tried: z.array(z.enum(timingVerdicts)) }).optional(),
  /** Against the reference variant on the same device and backend; absent on the reference itself. */
  speed: speedVerdictSchema.optional(),
  timing: timingSchema,
  numerics: numericsSchema,
  readings: z.record(z.string(), readingSchema),
  /** The distribution of its latencies; empty where it was not timed, or hardly. */
  latencyCurve: z.array(latencyPointSchema),
  operators: z.array(operatorSchema),
  layers: z.array(layerSchema),
  /** Layers of the model for which no kernel of that name was found. */
  layersUnmatched: z.number(),
  /** Digests of the results behind this cell. */
  results: z.array(z.string()),
});
export type Cell = z.infer<typeof cellSchema>;
