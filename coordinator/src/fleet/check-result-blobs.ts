import { parseDigest } from '@qfleet/shared/digest.ts';
import type { EvaluateFacts, JobResult, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { expectEqual, resultMismatch } from './result-mismatch.ts';
import { SampleCheck } from './sample-check.ts';

/**
 * Whether the blobs of a result say what it says of them: samples that fill the time they were taken in, best classes
 * that exist, raw outputs of the right length. They are read as they lie, a piece at a time, however large. Throws
 * `invalid-argument` with what was expected and what was found.
 */
export async function checkResultBlobs(
  { outcome }: Pick<JobResult, 'outcome'>,
  blobs: BlobStore,
): Promise<void> {
  if (outcome.kind === 'measure') await checkSamples(outcome.facts, blobs);
  if (outcome.kind !== 'evaluate') return;
  await checkTopK(outcome.facts, blobs);
  await checkComparison(outcome.facts, blobs);
}

async function checkSamples(facts: MeasureFacts, blobs: BlobStore): Promise<void> {
  const check = new SampleCheck(facts);
  if (check.sampleCount === 0) return;
  if (facts.samplesBlob === undefined) throw resultMismatch(`a blob of ${check.sampleCount} samples`, 'none');
  const { totalBytes, stream } = await blobs.open(parseDigest(facts.samplesBlob), 0);
  expectEqual('size in bytes of the samples', check.sampleCount * 8, totalBytes);
  for await (const piece of wholeValues(stream, 8)) {
    for (let at = 0; at < piece.byteLength; at += 8) check.add(piece.getFloat64(at, true));
  }
  check.finish();
}

async function checkTopK({ topK, count, outputs }: EvaluateFacts, blobs: BlobStore): Promise<void> {
  if (!topK) return;
  const classes = elementsOf(outputs[0]?.shape ?? []);
  const { totalBytes, stream } = await blobs.open(parseDigest(topK.blob), 0);
  expectEqual('size in bytes of the best classes', count * topK.k * 8, totalBytes);
  let index = 0;
  for await (const piece of wholeValues(stream, 4)) {
    for (let at = 0; at < piece.byteLength; at += 4, index++) {
      // k indices, then the k values of those classes.
      if (index % (2 * topK.k) >= topK.k || piece.getUint32(at, true) < classes) continue;
      throw resultMismatch(
        `classes below ${classes} among the best of input ${Math.floor(index / (2 * topK.k))}`,
        piece.getUint32(at, true),
      );
    }
  }
}

async function checkComparison({ comparison, outputs }: EvaluateFacts, blobs: BlobStore): Promise<void> {
  if (comparison.count === 0 || outputs.length === 0) return;
  const width = outputs.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const sizeBytes = await blobs.stat(parseDigest(comparison.blob));
  expectEqual('size in bytes of the raw outputs', comparison.count * width * 4, sizeBytes);
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** The bytes of a stream as pieces that hold whole values of so many bytes; a rest at the end is left out. */
async function* wholeValues(stream: AsyncIterable<Uint8Array>, valueBytes: number): AsyncGenerator<DataView> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of stream) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const wholeBytes = bytes.length - (bytes.length % valueBytes);
    yield new DataView(bytes.buffer, bytes.byteOffset, wholeBytes);
    rest = bytes.subarray(wholeBytes);
  }
}
