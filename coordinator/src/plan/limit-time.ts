import type { Model } from '../artefacts/artefacts.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { ExpandedPlan } from './expand-plan.ts';
import type { Scenario } from './scenario.ts';

/**
 * Limits stop an attempt that hangs; they are no estimate. Each is several times what the slowest board that
 * we know needs, since a measurement cut short is lost.
 */
const minuteMs = 60_000;

/** A proto field of 32 bits holds 49 days; a week is enough of a limit. */
const longestMs = 7 * 24 * 60 * minuteMs;

/** Multiply-accumulates a second that any board reaches on one core without vector instructions. */
const slowMacsPerSec = 1e8;

/** qemu-user took 10 to 30 times as long as the host for float kernels; hosts differ too. */
const emulationFactor = 60;

export function limitProbe(device: DeviceRecord): number {
  return device.inventory?.emulated ? 60 * minuteMs : 20 * minuteMs;
}

/** A search for the highest rate tries so many rates at most before it has narrowed it down. */
const maxRateTrials = 16;

/**
 * Launches follow each other; each spends its start, its warm-up and at most `maxDurationMs` of timing, a search for
 * a rate that much for every rate it tries. All timed launches may be made again `repeats` times.
 */
export function limitMeasure(
  plan: Pick<ExpandedPlan, 'timing'>,
  scenario: Scenario,
  variantCount: number,
): number {
  const { launches, maxDurationMs, operatorProfile, counters, repeats, sustainedMinutes } = plan.timing;
  const isSearch = scenario.scenario === 'server' && scenario.ratePerSec === undefined;
  const timedMs = maxDurationMs * (isSearch ? maxRateTrials : 1);
  const launchMs = 2 * timedMs + 2 * minuteMs;
  const timed = launches * (1 + repeats) * launchMs;
  const extra = (Number(operatorProfile) + Number(counters)) * (2 * maxDurationMs + 2 * minuteMs);
  const sustained = sustainedMinutes > 0 ? (sustainedMinutes + 4) * minuteMs : 0;
  return clampLimit(10 * minuteMs + variantCount * (timed + extra + sustained));
}

export function limitEvaluate(evaluation: {
  readonly model: Pick<Model, 'macs'>;
  readonly count: number;
  readonly isEmulated: boolean;
}): number {
  return clampLimit(10 * minuteMs + evaluation.count * slowInferenceMs(evaluation));
}

/** The first inference also allocates, packs weights and compiles kernels. */
const firstInferenceFactor = 10;

/** Of one inference of `batch` samples: a minute, and more where the model has much to compute. */
export function limitInference(inference: {
  readonly model: Pick<Model, 'macs'>;
  readonly batch: number;
  readonly isEmulated: boolean;
}): number {
  const { batch } = inference;
  return clampLimit(
    Math.max(minuteMs, firstInferenceFactor * Math.max(1, batch) * slowInferenceMs(inference)),
  );
}

function slowInferenceMs({
  model,
  isEmulated,
}: {
  readonly model: Pick<Model, 'macs'>;
  readonly isEmulated: boolean;
}): number {
  const inferenceMs = model.macs === undefined ? 5000 : 50 + (model.macs / slowMacsPerSec) * 1000;
  return inferenceMs * (isEmulated ? emulationFactor : 1);
}

function clampLimit(limitMs: number): number {
  return Math.min(longestMs, Math.ceil(limitMs));
}
