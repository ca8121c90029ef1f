import { createHash } from 'node:crypto';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import type { ShardEvaluation } from '../runner/protocol.ts';

/** The facts of all shards together, with the blobs' bytes still in them. */
export interface JoinedShards
  extends Pick<EvaluateFacts, 'count' | 'inputDigest' | 'outputDigest' | 'nonFiniteInputs' | 'repeat'> {
  readonly outputs: EvaluateFacts['outputs'];
  readonly comparison: { readonly count: number; readonly bytes: Uint8Array };
  readonly topK?: { readonly k: number; readonly bytes: Uint8Array };
}

/** Joins evaluated shards, in their order. Throws `unsupported` where outputs changed their shape between them. */
export function joinShards(shards: readonly ShardEvaluation[]): JoinedShards {
  const [first] = shards;
  if (!first) throw new QfleetError('invalid-argument', 'No shard was evaluated.');
  for (const { outputs } of shards) assertSameShapes(first.outputs, outputs);
  const sum = (pick: (shard: ShardEvaluation) => number): number =>
    shards.reduce((total, shard) => total + pick(shard), 0);
  const k = first.topK?.k;
  return {
    count: sum(({ count }) => count),
    inputDigest: digestLines(shards.map(({ inputDigestLines }) => inputDigestLines)),
    outputDigest: digestLines(shards.map(({ outputDigestLines }) => outputDigestLines)),
    outputs: [...first.outputs],
    comparison: {
      count: sum(({ comparison }) => comparison.count),
      bytes: Buffer.concat(shards.map(({ comparison }) => encodeFloats(comparison.values))),
    },
    ...(k === undefined
      ? {}
      : { topK: { k, bytes: Buffer.concat(shards.map(({ topK }) => topK?.bytes ?? new Uint8Array())) } }),
    nonFiniteInputs: sum(({ nonFiniteInputs }) => nonFiniteInputs),
    repeat: {
      count: sum(({ repeat }) => repeat.count),
      identical: shards.every(({ repeat }) => repeat.identical),
    },
  };
}

function assertSameShapes(expected: ShardEvaluation['outputs'], found: ShardEvaluation['outputs']): void {
  if (JSON.stringify(expected) === JSON.stringify(found)) return;
  throw new QfleetError(
    'unsupported',
    'The shapes of the outputs depend on the input; such outputs cannot be compared.',
  );
}

function digestLines(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Little-endian on every machine. */
function encodeFloats(values: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes;
}
