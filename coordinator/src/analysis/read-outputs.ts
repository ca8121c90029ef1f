import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { float32Exactly, readTopK, type TopClasses } from './decode-blob.ts';

/** What an evaluation left behind: best classes of all inputs, raw outputs of the first ones. */
export interface EvaluatedOutputs {
  readonly facts: EvaluateFacts;
  /** Of all inputs; absent where the outputs are no classes, and then why. */
  readonly topK: TopClasses | undefined;
  readonly whyNoClasses: string;
  /** As they were reported, whatever they mean; absent where the blob does not fit. */
  readonly bestClasses: TopClasses | undefined;
  /** Float32 [count, width] row-major, all outputs of an input side by side; absent where the blob does not fit. */
  readonly comparison:
    | { readonly count: number; readonly width: number; readonly values: Float32Array }
    | undefined;
  /** Classes that the first output tells apart. */
  readonly classes: number;
}

/** Decodes the blobs of an evaluation, its best classes unless there is a reason why they are none. What does not have the length it should is absent, never half read. */
export function readOutputs(
  facts: EvaluateFacts,
  blobs: ReadonlyMap<string, Uint8Array>,
  whyNoClasses?: string,
): EvaluatedOutputs {
  const width = facts.outputs.reduce((sum, output) => sum + elements(output.shape), 0);
  const comparisonBytes = blobs.get(facts.comparison.blob);
  const values = comparisonBytes && float32Exactly(comparisonBytes, facts.comparison.count * width);
  const topKBytes = facts.topK && blobs.get(facts.topK.blob);
  const topK = facts.topK && topKBytes && readTopK(topKBytes, facts.count, facts.topK.k);
  return {
    facts,
    topK: (whyNoClasses === undefined && topK) || undefined,
    bestClasses: topK || undefined,
    whyNoClasses: whyNoClasses ?? 'no-class-output: no best classes were kept',
    comparison: values && width > 0 ? { count: facts.comparison.count, width, values } : undefined,
    classes: elements(facts.outputs[0]?.shape ?? []),
  };
}

/** The class of highest output of one input. */
export function topClass(topK: NonNullable<EvaluatedOutputs['topK']>, input: number): number {
  return topK.indices[input * topK.k]!;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
