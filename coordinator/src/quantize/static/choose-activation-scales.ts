import { QfleetError } from '@qfleet/shared/errors.ts';
import type { AbsorbedClip } from './absorb-clips.ts';
import {
  type ActivationFormat,
  computeActivationScale,
  type Range,
  type ScaleAndZeroPoint,
} from './compute-scale.ts';
import { findGroup, type QuantizationPlan } from './plan-quantization.ts';

/** Calibrated ranges by the tensor names of the folded model. */
export type Ranges = Readonly<Record<string, Range>>;

/**
 * Scale and zero point of every activation. A group's range is the union of what its members that are
 * computed (not merely passed through) took in calibration, clipped where a Relu or Clip was absorbed.
 * Throws `failed-precondition` where calibration has not seen a tensor.
 */
export function chooseActivationScales(
  plan: QuantizationPlan,
  ranges: Ranges,
  clips: ReadonlyMap<string, AbsorbedClip>,
  format: ActivationFormat,
): Map<string, ScaleAndZeroPoint> {
  const groupRanges = new Map<string, Range>();
  for (const tensor of plan.activations) {
    if (isPassedThrough(tensor, plan)) continue;
    const group = findGroup(plan.groups, tensor);
    groupRanges.set(group, unite(groupRanges.get(group), clippedRange(tensor, ranges, clips)));
  }
  const scales = new Map(
    [...groupRanges].map(([group, range]) => [group, computeActivationScale(range, format)]),
  );
  return new Map(
    [...plan.activations].map((tensor) => [tensor, scales.get(findGroup(plan.groups, tensor))!]),
  );
}

/** The names under which those activations are calibrated whose ranges the scales are chosen from. */
export function listCalibratedNames(
  plan: QuantizationPlan,
  clips: ReadonlyMap<string, AbsorbedClip>,
): string[] {
  return [...plan.activations]
    .filter((tensor) => !isPassedThrough(tensor, plan))
    .map((tensor) => clips.get(tensor)?.calibratedName ?? tensor);
}

function isPassedThrough(tensor: string, plan: QuantizationPlan): boolean {
  const producer = plan.index.producers.get(tensor);
  return producer !== undefined && plan.passing.has(producer);
}

function clippedRange(tensor: string, ranges: Ranges, clips: ReadonlyMap<string, AbsorbedClip>): Range {
  const clip = clips.get(tensor);
  const range = ranges[clip?.calibratedName ?? tensor];
  if (!range) {
    throw new QfleetError('failed-precondition', `There is no calibrated range of tensor "${tensor}".`, {
      hint: 'The ranges are of another model, or of this one under another opset: calibrate again.',
    });
  }
  if (!clip) return range;
  const clamp = (value: number): number => Math.min(Math.max(value, clip.low), clip.high);
  return { low: clamp(range.low), high: clamp(range.high) };
}

function unite(a: Range | undefined, b: Range): Range {
  return a ? { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) } : b;
}
