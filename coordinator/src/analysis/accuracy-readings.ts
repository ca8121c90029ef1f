import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { wilson } from '@qfleet/shared/statistics/wilson.ts';
import type { Dataset } from '../artefacts/artefacts.ts';
import { labelsFit } from '../artefacts/labels-fit.ts';
import type { EvaluatedOutputs } from './read-outputs.ts';

/** Labels of the evaluated inputs, or why there is no accuracy. */
export type UsableLabels =
  | { readonly usable: true; readonly labels: Uint32Array }
  | { readonly usable: false; readonly reason: string };

/** Labels fit where the dataset has as many classes as the model tells apart, and one for every input. */
export function usableLabels(
  outputs: EvaluatedOutputs,
  dataset: Dataset | undefined,
  labels: Uint32Array | undefined,
): UsableLabels {
  if (!outputs.topK) return { usable: false, reason: outputs.whyNoClasses };
  if (!dataset?.classes || !labels) return { usable: false, reason: 'no-labels: the dataset has none' };
  const fit = labelsFit(dataset, [{ shape: [outputs.classes] }]);
  if (!fit.fits) return { usable: false, reason: fit.reason };
  if (labels.length < outputs.facts.count) {
    const reason = `labels-do-not-fit: ${labels.length} labels for ${outputs.facts.count} inputs`;
    return { usable: false, reason };
  }
  return { usable: true, labels };
}

/**
 * `accuracy.top1` and `accuracy.top5`: share of inputs whose label is the best class, or among the best five;
 * 0…1, with Wilson's interval, n inputs. Top-5 needs more than five classes and five kept per input.
 */
export function accuracyReadings(outputs: EvaluatedOutputs, labels: UsableLabels): Reading[] {
  return [topKAccuracy(outputs, labels, 1), topKAccuracy(outputs, labels, 5)];
}

/** Whether the label is among the best `k` classes of an input. */
export function isRight(
  topK: NonNullable<EvaluatedOutputs['topK']>,
  labels: Uint32Array,
  input: number,
  k = 1,
): boolean {
  const first = input * topK.k;
  return topK.indices.subarray(first, first + k).includes(labels[input]!);
}

function topKAccuracy(outputs: EvaluatedOutputs, usable: UsableLabels, k: number): Reading {
  const quantity = `accuracy.top${k}`;
  if (!usable.usable) return unavailable(quantity, '1', usable.reason);
  const { topK, classes, facts } = outputs;
  if (!topK || topK.k < k) return unavailable(quantity, '1', `not-kept: fewer than ${k} classes per input`);
  if (k > 1 && classes <= k) return unavailable(quantity, '1', `too-few-classes: ${classes}`);
  if (facts.count === 0) return unavailable(quantity, '1', 'n-too-small: 0 of 1');
  let right = 0;
  for (let input = 0; input < facts.count; input++) if (isRight(topK, usable.labels, input, k)) right++;
  return available({
    quantity,
    value: right / facts.count,
    unit: '1',
    method: `top${k}-of-labels`,
    interval: wilson(right, facts.count),
    n: facts.count,
    ...(facts.outputSource !== undefined && { flags: [facts.outputSource] }),
  });
}
