import { sqnr } from '@qfleet/shared/statistics/sqnr.ts';
import * as z from 'zod';
import { commonInputs } from './common-inputs.ts';
import type { RunEvidence } from './evidence.ts';
import { readOutputs } from './read-outputs.ts';

/** One output tensor of the same variant in two places. */
export const tensorDifferenceSchema = z.object({
  tensor: z.string(),
  /** Values compared, over all inputs. */
  values: z.number(),
  /** How many of them differ. */
  different: z.number(),
  /** Largest difference of two values: of codes in steps of the scale, of floats as it is. */
  largest: z.number(),
  /** Of the second place's values against the first's, dB; absent where nothing differs. */
  sqnrDb: z.number().optional(),
});
export type TensorDifference = z.infer<typeof tensorDifferenceSchema>;

/** A place that evaluated: a device and a backend. */
export interface EvaluatedPlace {
  readonly deviceId: string;
  readonly backendId: string;
}

/**
 * Every output of the run's variant, place against place, over the inputs of which both kept raw outputs. A reason in
 * words where they cannot be compared: a job that failed, inputs that differ, shapes that do.
 */
export function compareTensors(
  evidence: RunEvidence,
  places: readonly [EvaluatedPlace, EvaluatedPlace],
): { readonly inputs: number; readonly tensors: readonly TensorDifference[] } | string {
  const [first, second] = places.map((place) => readPlace(evidence, place));
  if (typeof first === 'string') return first;
  if (typeof second === 'string') return second;
  if (!first?.comparison || !second?.comparison) return 'no raw outputs were kept';
  const common = commonInputs(first.facts, second.facts);
  if (!common.comparable) return common.reason;
  if (first.comparison.width !== second.comparison.width) return 'the outputs have other shapes';
  const inputs = Math.min(first.comparison.count, second.comparison.count);
  const { width } = first.comparison;
  let start = 0;
  const tensors = first.facts.outputs.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const slice = (values: Float32Array): Float32Array => {
      const taken = new Float32Array(inputs * length);
      for (let input = 0; input < inputs; input++) {
        taken.set(values.subarray(input * width + start, input * width + start + length), input * length);
      }
      return taken;
    };
    const difference = compare(name, slice(first.comparison!.values), slice(second.comparison!.values));
    start += length;
    return difference;
  });
  return { inputs, tensors };
}

function readPlace(
  { jobs, results, blobs }: RunEvidence,
  { deviceId, backendId }: EvaluatedPlace,
): ReturnType<typeof readOutputs> | string {
  const job = jobs.find((one) => one.deviceId === deviceId && one.spec.evaluate?.backend === backendId);
  const result = job && results.find(({ result: { jobId } }) => jobId === job.id)?.result;
  if (result?.outcome.kind === 'evaluate') return readOutputs(result.outcome.facts, blobs);
  const failure = result?.outcome.kind === 'failed' ? result.outcome.failure : job?.failure;
  return failure ? `${failure.class}: ${failure.message}` : 'a place did not evaluate';
}

function compare(tensor: string, reference: Float32Array, subject: Float32Array): TensorDifference {
  let [different, largest] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const gap = Math.abs(subject[i]! - reference[i]!);
    if (gap === 0 || Object.is(subject[i], reference[i])) continue;
    different++;
    largest = Math.max(largest, Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap);
  }
  const { db } = sqnr(reference, subject);
  return { tensor, values: reference.length, different, largest, ...(db !== undefined && { sqnrDb: db }) };
}
