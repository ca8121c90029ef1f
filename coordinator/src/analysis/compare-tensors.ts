import { sqnr } from '@qfleet/shared/statistics/sqnr.ts';
import * as z from 'zod';
import { commonInputs } from './common-inputs.ts';
import type { RunEvidence } from './evidence.ts';
import { type EvaluatedOutputs, readOutputs } from './read-outputs.ts';

/** A tensor of one side: floats, or codes of which `scale · (code − zeroPoint)` is the value. */
const tensorSideSchema = z.strictObject({
  tensor: z.string(),
  scale: z.number().positive().optional(),
  zeroPoint: z.number().optional(),
});
type TensorSide = z.infer<typeof tensorSideSchema>;

/** Two tensors that should hold the same values. */
export const tensorPairSchema = z.strictObject({ reference: tensorSideSchema, subject: tensorSideSchema });
export type TensorPair = z.infer<typeof tensorPairSchema>;

/** One output tensor on both sides. */
export const tensorDifferenceSchema = z.object({
  /** The subject's name of it. */
  tensor: z.string(),
  /** Values compared, over all inputs. */
  values: z.number(),
  /** How many of them differ; by more than half a step where the subject alone holds codes, since rounding costs that. */
  different: z.number(),
  /** Largest difference of two values: in steps of the subject's scale where it holds codes, of floats as it is. */
  largest: z.number(),
  /** Of the subject's values against the reference's, dB; absent where nothing differs. */
  sqnrDb: z.number().optional(),
});
export type TensorDifference = z.infer<typeof tensorDifferenceSchema>;

/** What one place made of the one variant of a run. */
export interface EvaluatedSide {
  readonly evidence: RunEvidence;
  readonly deviceId: string;
  readonly backendId: string;
}

/**
 * Outputs of two sides, tensor by tensor, over the inputs of which both kept raw outputs: those of `pairs` and then what
 * both have under one name; without pairs every output of the subject as it is. A reason in words where they cannot be
 * compared: a job that failed, inputs that differ, shapes that do.
 */
export function compareTensors(
  reference: EvaluatedSide,
  subject: EvaluatedSide,
  pairs?: readonly TensorPair[],
): { readonly inputs: number; readonly tensors: readonly TensorDifference[] } | string {
  const [first, second] = [reference, subject].map(readSide);
  if (typeof first === 'string') return first;
  if (typeof second === 'string') return second;
  if (!first?.comparison || !second?.comparison) return 'no raw outputs were kept';
  const common = commonInputs(first.facts, second.facts);
  if (!common.comparable) return common.reason;
  const inputs = Math.min(first.comparison.count, second.comparison.count);
  const tensors: TensorDifference[] = [];
  for (const pair of withOutputsOfOneName(pairs, first, second)) {
    const values = [first, second].map((side, i) =>
      valuesOf(side, i === 0 ? pair.reference : pair.subject, inputs),
    );
    if (!values[0] || !values[1]) return `one side has no output ${pair.subject.tensor}`;
    if (values[0].length !== values[1].length) return `${pair.subject.tensor} has other shapes`;
    tensors.push(compare(pair, values[0], values[1]));
  }
  return { inputs, tensors };
}

/** The model's own outputs behind the pairs, where both sides call them the same. */
function withOutputsOfOneName(
  pairs: readonly TensorPair[] | undefined,
  first: EvaluatedOutputs,
  second: EvaluatedOutputs,
): TensorPair[] {
  const names = second.facts.outputs.map(({ name }) => name);
  if (!pairs) return names.map(sameName);
  const known = new Set(first.facts.outputs.map(({ name }) => name));
  const paired = new Set(pairs.map(({ subject }) => subject.tensor));
  return [...pairs, ...names.filter((name) => known.has(name) && !paired.has(name)).map(sameName)];
}

function sameName(tensor: string): TensorPair {
  return { reference: { tensor }, subject: { tensor } };
}

function readSide({ evidence, deviceId, backendId }: EvaluatedSide): EvaluatedOutputs | string {
  const { jobs, results, blobs } = evidence;
  const job = jobs.find((one) => one.deviceId === deviceId && one.spec.evaluate?.backend === backendId);
  const result = job && results.find(({ result: { jobId } }) => jobId === job.id)?.result;
  if (result?.outcome.kind === 'evaluate') return readOutputs(result.outcome.facts, blobs);
  const failure = result?.outcome.kind === 'failed' ? result.outcome.failure : job?.failure;
  return failure ? `${failure.class}: ${failure.message}` : 'a place did not evaluate';
}

/** One tensor of the first inputs, [inputs, elements]; undefined where the side has none of that name. */
function valuesOf(
  { facts, comparison }: EvaluatedOutputs,
  { tensor, scale, zeroPoint = 0 }: TensorSide,
  inputs: number,
): Float32Array | undefined {
  let start = 0;
  for (const { name, shape } of facts.outputs) {
    const length = shape.reduce((product, size) => product * size, 1);
    if (name === tensor) {
      const taken = new Float32Array(inputs * length);
      for (let input = 0; input < inputs; input++) {
        const from = input * comparison!.width + start;
        taken.set(comparison!.values.subarray(from, from + length), input * length);
      }
      return scale === undefined ? taken : taken.map((code) => scale * (code - zeroPoint));
    }
    start += length;
  }
  return undefined;
}

function compare(pair: TensorPair, reference: Float32Array, subject: Float32Array): TensorDifference {
  const step = pair.subject.scale;
  // A float has a code within half a step of it, but for what float32 itself rounds.
  const allowed = step !== undefined && pair.reference.scale === undefined ? 0.501 * step : 0;
  let different = 0;
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const gap = Math.abs(subject[i]! - reference[i]!);
    if (gap === 0 || Object.is(subject[i], reference[i])) continue;
    if (!(gap <= allowed)) different++;
    largest = Math.max(largest, Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap);
  }
  const { db } = sqnr(reference, subject);
  return {
    tensor: pair.subject.tensor,
    values: reference.length,
    different,
    largest: step === undefined ? largest : largest / step,
    ...(db !== undefined && { sqnrDb: db }),
  };
}
