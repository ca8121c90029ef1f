import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import * as z from 'zod';
import { cellSchema } from '../analysis/cell.ts';
import { placePairSchema } from '../analysis/compare-pairs.ts';
import { comparisonSchema } from '../analysis/comparison.ts';
import { latencyPredictionSchema } from '../analysis/latency/predict-latencies.ts';
import { placeSchema } from '../analysis/place.ts';
import { layerCheckSchema } from '../artefacts/artefacts.ts';

/** The version of the report's JSON; a new one where a field changes its meaning or goes. */
export const reportSchemaId = 'qfleet.report/1';

const failureSchema = z.object({ class: z.string(), message: z.string(), hint: z.string().optional() });

const reportVariantSchema = z.object({
  digest: z.string(),
  name: z.string(),
  recipe: z.string(),
  /** Weights and activations. */
  format: z.string(),
  granularity: z.string(),
  sizeBytes: z.number(),
  isReference: z.boolean(),
  calibration: z
    .object({ datasetDigest: z.string(), method: z.string(), count: z.number(), samplesDigest: z.string() })
    .optional(),
  quantizedOperators: z.record(z.string(), z.number()),
  floatOperators: z.record(z.string(), z.number()),
  /** On the coordinator's machine: the quantized activations and outputs against float32, and kernels against simulation. */
  layerCheck: layerCheckSchema.optional(),
  notes: z.array(z.string()),
});

const reportDeviceSchema = z.object({
  id: z.string(),
  name: z.string(),
  agentVersion: z.string().optional(),
  bootId: z.string().optional(),
  inventory: inventorySchema.optional(),
  backends: z.array(
    z.object({
      id: z.string(),
      available: z.boolean(),
      version: z.string(),
      reason: z.string(),
      /** As the backend said of itself when it was probed; `numerics.…`: how it computes on integers. */
      capabilities: z.record(z.string(), z.string()),
    }),
  ),
  probe: z.object({
    /** Result behind the readings; absent where the device was never probed. */
    resultDigest: z.string().optional(),
    measuredAtUnixMs: z.number().optional(),
    /** Why there are no readings, where there are none. */
    reason: z.string().optional(),
    readings: z.array(readingSchema),
    latencyLadder: z.array(z.object({ workingSetBytes: z.number(), load: readingSchema })),
  }),
});

/** What `report.json` holds: everything that the other formats show, every number as a reading. */
export const reportSchema = z.object({
  schema: z.literal(reportSchemaId),
  run: z.object({
    id: z.string(),
    name: z.string(),
    state: z.string(),
    reason: z.string(),
    notes: z.array(z.string()),
    createdAtMs: z.number(),
    finishedAtMs: z.number().optional(),
    plan: z.record(z.string(), z.unknown()),
  }),
  model: z.object({
    digest: z.string(),
    name: z.string(),
    sizeBytes: z.number(),
    macs: z.number().optional(),
  }),
  variants: z.array(reportVariantSchema),
  dataset: z
    .object({
      digest: z.string(),
      name: z.string(),
      /** All its items. */
      count: z.number(),
      /** Inputs that evaluations took, the fewest and the most; absent where none came to an end. */
      evaluated: z.object({ least: z.number(), most: z.number() }).optional(),
      classes: z.number().optional(),
      source: z.string(),
    })
    .optional(),
  devices: z.array(reportDeviceSchema),
  places: z.array(placeSchema),
  cells: z.array(cellSchema),
  comparisons: z.array(comparisonSchema),
  /** How far fp32's outputs are from place to place, dB. */
  noiseFloor: readingSchema,
  /** Every pair of places, of a large fleet the first twenty. */
  pairs: z.array(placePairSchema),
  /** What other machines tell of each cell's latency; empty where all are of one machine. */
  latencyPredictions: z.array(latencyPredictionSchema),
  /** Which layers ran on integers, one entry per place and variant. */
  compatibility: z.array(
    z.object({
      cellId: z.string(),
      /** Layers that multiply and accumulate, by the kernels that took them; `unmatched` were not found. */
      layers: z.object({ integer: z.number(), float: z.number(), unmatched: z.number() }),
      /** Shares in integer kernels, 0…1, of the layers found. */
      macShare: z.number().optional(),
      byteShare: z.number().optional(),
      /** Operators that only quantize or dequantize. */
      converts: z.number(),
      /** Layers that the file let expect on integers. */
      expectedInteger: z.number().optional(),
      surprises: z.array(z.object({ layer: z.string(), expected: z.string(), found: z.string() })),
      /** Why nothing is known. */
      reason: z.string().optional(),
      /** Where the variant is quantized and not faster than fp32: what says why, the largest first. */
      whyNotFaster: z.array(z.string()),
    }),
  ),
  /** Accuracy loss over variants that differ in their calibration inputs alone, by place and recipe. */
  calibrations: z.array(
    z.object({
      placeId: z.string(),
      recipe: z.string(),
      /** Random sets, inputs in each, inputs that they were drawn from. */
      sets: z.number(),
      size: z.number(),
      pool: z.number(),
      loss: readingSchema,
      range: z.object({ least: z.number(), most: z.number() }).optional(),
    }),
  ),
  /** What to ship where, under the plan's goals. */
  recommendation: z.object({
    /** The limit of accuracy loss, points, kept by the upper end of the interval; the default where no goal was set. */
    maxAccuracyLoss: z.object({ points: z.number(), isDefault: z.boolean() }).optional(),
    places: z.array(
      z.object({
        placeId: z.string(),
        /** The fastest variant that keeps all goals; absent where none does. */
        best: z
          .object({
            variant: z.string(),
            latencyNs: z.number(),
            lossPoints: z.number().optional(),
            /** The most that it may lose: the upper end of the interval; without labels, by answers other than fp32’s. */
            lossUpTo: z.number().optional(),
          })
          .optional(),
        /** Variants that no other beats in speed, accuracy and size at once. */
        front: z.array(z.string()),
        misses: z.array(z.string()),
      }),
    ),
    /** The one variant for all places, and by how much it is slower than the best where it is worst, 0.1 is 10 %. */
    everywhere: z.object({ variant: z.string(), regret: z.number() }).optional(),
  }),
  /** What came out, one sentence per place and variant. */
  findings: z.array(z.string()),
  jobs: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      deviceId: z.string(),
      state: z.string(),
      attempts: z.number(),
      failure: failureSchema.optional(),
    }),
  ),
  /** Results that the report was computed from. */
  results: z.array(
    z.object({ digest: z.string(), deviceId: z.string(), jobId: z.string(), kind: z.string() }),
  ),
  /** How it was computed: with these and the results, anybody can compute it again. */
  method: z.object({
    confidence: z.number(),
    resamples: z.number(),
    seed: z.number(),
    minLaunchesToJudge: z.number(),
    negligibleEffect: z.number(),
    maxLaunchVariation: z.number(),
    maxDrift: z.number(),
    maxStealShare: z.number(),
    maxOtherShare: z.number(),
    minFrequencyShare: z.number(),
    maxPressureShare: z.number(),
    maxQuotaShare: z.number(),
  }),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportDevice = Report['devices'][number];
