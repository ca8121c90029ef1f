import type { EvaluateJob__Output } from '@qfleet/shared/gen/qfleet/v1/EvaluateJob.ts';
import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';

/** 4×4 gray images, scaled to 0…1, as `NCHW`. */
export const smallImages: InputContract__Output = {
  layout: 'NCHW',
  elementType: 'float32',
  channels: 'gray',
  height: 4,
  width: 4,
  scale: 1 / 255,
  mean: [],
  deviation: [],
  inputName: '',
};

export const defaultSettings = { threads: 1, batch: 1, providerOptions: {}, affinity: [], dimensions: {} };

export const randomInputs: Inputs__Output = {
  datasetDigest: '',
  contract: smallImages,
  item: null,
  shards: [],
  count: 0,
  randomSeed: 7,
};

/** A short measure job; what a test is about goes over it. */
export function makeMeasureJob(over: Partial<MeasureJob__Output>): MeasureJob__Output {
  return {
    backend: 'onnxruntime-cpu',
    variants: [],
    scenario: 'single-stream',
    settings: defaultSettings,
    inputs: randomInputs,
    launchesPerVariant: 2,
    minSamples: 12,
    minDurationMs: 0,
    maxDurationMs: 2000,
    maxWarmupSamples: 20,
    seed: 5,
    profile: false,
    load: null,
    counters: false,
    maxRepeats: 0,
    sustainedMs: 0,
    inferenceLimitMs: 0,
    ...over,
  };
}

export function makeEvaluateJob(over: Partial<EvaluateJob__Output>): EvaluateJob__Output {
  return {
    backend: 'onnxruntime-cpu',
    variant: null,
    settings: defaultSettings,
    inputs: null,
    comparisonCount: 3,
    topK: 2,
    repeatCount: 2,
    profile: false,
    inferenceLimitMs: 0,
    ...over,
  };
}

export function wrapJob(
  spec: Pick<Job__Output, 'measure'> | Pick<Job__Output, 'evaluate'>,
  over: Partial<Job__Output> = {},
): Job__Output {
  const kind = 'measure' in spec ? 'measure' : 'evaluate';
  return { id: 'job_1', runId: 'run_1', fence: 1, attempt: 1, timeLimitMs: 0, spec: kind, ...spec, ...over };
}
