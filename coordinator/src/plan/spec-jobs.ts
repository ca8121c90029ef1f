import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import type { VariantRef__Output } from '@qfleet/shared/gen/qfleet/v1/VariantRef.ts';
import type { Model, Variant } from '../artefacts/artefacts.ts';
import type { JobSpec } from '../store/records.ts';
import { limitInference } from './limit-time.ts';
import type { Plan } from './plan.ts';
import { planLoad } from './plan-load.ts';
import type { PlannedInputs, PlanRequest } from './plan-request.ts';
import type { Scenario } from './scenario.ts';

type Settings = Plan['settings'][number];

/** The best so many classes are kept for every input. */
const topK = 5;

/** So many inputs are run twice, to see whether outputs repeat. */
const repeatCount = 16;

/** What is asked of one backend of one device, once per scenario and settings: all variants, interleaved. */
export function specMeasure(
  request: PlanRequest,
  part: { deviceId: string; backend: string; scenario: Scenario; settings: Settings },
): JobSpec {
  const { plan, model, variants } = request;
  const { timing } = plan;
  const { backend, scenario, settings } = part;
  return {
    spec: 'measure',
    measure: {
      backend,
      variants: variants.map(toVariantRef),
      scenario: scenario.scenario,
      settings,
      inputs: firstInputs(model, request.dataset, plan.seed),
      launchesPerVariant: timing.launches,
      minSamples: timing.minSamples,
      minDurationMs: timing.minDurationMs,
      maxDurationMs: timing.maxDurationMs,
      maxWarmupSamples: timing.maxWarmupSamples,
      // Another order of launches for each job, and the same one for the same plan.
      seed: deriveSeed({ seed: plan.seed, ...part }),
      profile: timing.operatorProfile,
      load: planLoad(scenario, plan, request.companions.map(toVariantRef)),
      counters: timing.counters,
      maxRepeats: timing.repeats,
      // Heat does not ask how the load was offered: once is enough.
      sustainedMs: isFirst(plan, scenario) ? Math.round(timing.sustainedMinutes * 60_000) : 0,
      inferenceLimitMs: limitInference({ model, batch: settings.batch, isEmulated: false }),
    },
  };
}

/** One variant over the first `count` inputs. */
export function specEvaluate(
  request: PlanRequest,
  part: {
    backend: string;
    variant: Variant;
    settings: Settings | undefined;
    dataset: PlannedInputs;
    count: number;
    /** Nothing is timed there that would bring a profile. */
    profile: boolean;
    isEmulated: boolean;
  },
): JobSpec {
  const { plan, model } = request;
  const { count, dataset } = part;
  return {
    spec: 'evaluate',
    evaluate: {
      backend: part.backend,
      variant: toVariantRef(part.variant),
      settings: part.settings ?? null,
      inputs: toInputs(model, dataset, count, plan.seed),
      comparisonCount: Math.min(plan.evaluation?.comparison ?? 0, count),
      topK,
      repeatCount: Math.min(repeatCount, count),
      profile: part.profile,
      inferenceLimitMs: limitInference({ model, batch: 1, isEmulated: part.isEmulated }),
    },
  };
}

function isFirst({ scenarios }: PlanRequest['plan'], { scenario }: Scenario): boolean {
  return scenarios[0]?.scenario === scenario;
}

/** The first shard is plenty to time on; without a dataset, seeded random values. */
function firstInputs(model: Model, dataset: PlannedInputs | undefined, seed: number): Inputs__Output {
  const [first] = dataset?.shards ?? [];
  if (dataset && first) return toInputs(model, { ...dataset, shards: [first] }, first.count, seed);
  return {
    datasetDigest: '',
    contract: model.contract,
    item: null,
    shards: [],
    count: 0,
    randomSeed: seed,
  };
}

/** The shards that hold the first `count` items, with what is needed to read them. */
function toInputs(model: Model, dataset: PlannedInputs, count: number, seed: number): Inputs__Output {
  return {
    datasetDigest: dataset.digest,
    contract: model.contract,
    item: { elementType: dataset.item.elementType, shape: [...dataset.item.shape] },
    shards: dataset.shards.filter((shard) => shard.firstIndex < count).map((shard) => ({ ...shard })),
    count,
    randomSeed: seed,
  };
}

function toVariantRef(variant: Variant): VariantRef__Output {
  return { digest: variant.digest, name: variant.name, sizeBytes: variant.sizeBytes };
}

/** 32 bits that follow from what they are for. */
function deriveSeed(purpose: object): number {
  return Number.parseInt(digestBytes(canonicalJson(purpose)).slice(0, 8), 16);
}
