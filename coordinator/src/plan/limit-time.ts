import type { Model } from '../artefacts/artefacts.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { Plan } from './plan.ts';

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

/** Launches follow each other; each spends its start, its warm-up and at most `maxDurationMs` of timing. */
export function limitMeasure(plan: Plan, variantCount: number): number {
  const { launches, maxDurationMs, profile } = plan.timing;
  const launchMs = 2 * maxDurationMs + 2 * minuteMs;
  const launchCount = variantCount * (launches + (profile ? 1 : 0));
  return clampLimit(10 * minuteMs + launchCount * launchMs);
}

export function limitEvaluate(evaluation: {
  readonly model: Pick<Model, 'macs'>;
  readonly count: number;
  readonly isEmulated: boolean;
}): number {
  const { model, count, isEmulated } = evaluation;
  const inferenceMs = model.macs === undefined ? 5000 : 50 + (model.macs / slowMacsPerSec) * 1000;
  const factor = isEmulated ? emulationFactor : 1;
  return clampLimit(10 * minuteMs + count * inferenceMs * factor);
}

function clampLimit(limitMs: number): number {
  return Math.min(longestMs, Math.ceil(limitMs));
}
