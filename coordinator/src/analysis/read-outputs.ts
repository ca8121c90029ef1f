import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { float32Exactly, readTopK, type TopClasses } from './decode-blob.ts';

/** What an evaluation left behind: best classes of all inputs, raw outputs of the first ones. */
export interface EvaluatedOutputs {
  readonly facts: EvaluateFacts;
  /** Of all inputs; absent where the first output is no vector. */
  readonly topK: TopClasses | undefined;
  /** Float32 [count, width] row-major, all outputs of an input side by side; absent where the blob does not fit. */
  readonly comparison:
    | { readonly count: number; readonly width: number; readonly values: Float32Array }
    | undefined;
  /** Classes that the first output tells apart. */
  readonly classes: number;
}

/** Decodes the blobs of an evaluation. What does not have the length it should is absent, never half read. */
export function readOutputs(facts: EvaluateFacts, blobs: ReadonlyMap<string, Uint8Array>): EvaluatedOutputs {
  const width = facts.outputs.reduce((sum, output) => sum + elements(output.shape), 0);
  const comparisonBytes = blobs.get(facts.comparison.blob);
  const values = comparisonBytes && float32Exactly(comparisonBytes, facts.comparison.count * width);
  const topKBytes = facts.topK && blobs.get(facts.topK.blob);
  const topK = facts.topK && topKBytes && readTopK(topKBytes, facts.count, facts.topK.k);
  return {
    facts,
    topK: topK || undefined,
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
