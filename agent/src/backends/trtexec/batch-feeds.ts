import { QfleetError } from '@qfleet/shared/errors.ts';
import type { FeedTensor, OutputTensor } from '../backend.ts';

/** `input:1x3x224x224` for one input, `input:16x3x224x224` for sixteen. Throws `unsupported` where a shape does not begin with 1. */
export function batchShapes(shapes: string | undefined, batch: number): string {
  const parts = (shapes ?? '').split(',');
  const known = parts.map((part) => /^(.+):1((?:x\d+)+)$/.exec(part));
  if (known.every((part) => part !== null)) {
    return known.map(([, name, rest]) => `${name}:${batch}${rest}`).join(',');
  }
  throw new QfleetError(
    'unsupported',
    `evaluateBatch needs shapes for one input, such as input:1x3x224x224; they are "${shapes ?? ''}".`,
    {
      hint: 'Give shapes beside it, of a model that leaves the batch open; or leave evaluateBatch out, and inputs are evaluated one by one.',
    },
  );
}

/** Tensors of `[1, …]` behind each other as one of `[batch, …]`; the last one again where there are fewer. */
export function joinFeeds(tensors: readonly FeedTensor[], batch: number): FeedTensor {
  const [first] = tensors;
  if (!first || tensors.length > batch) {
    throw new QfleetError('shape-mismatch', `Expected 1 to ${batch} inputs, got ${tensors.length}.`);
  }
  const size = first.data.byteLength;
  const bytes = new Uint8Array(size * batch);
  for (let i = 0; i < batch; i++) {
    const { data } = tensors[Math.min(i, tensors.length - 1)]!;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, size), i * size);
  }
  const Elements = first.data.constructor as new (buffer: ArrayBufferLike) => FeedTensor['data'];
  return {
    elementType: first.elementType,
    data: new Elements(bytes.buffer),
    dims: [batch, ...first.dims.slice(1)],
  };
}

/** The part of one input; throws `shape-mismatch` where the output has not `batch` parts. */
export function partOf(output: OutputTensor, index: number, batch: number): OutputTensor {
  if (output.dims[0] !== batch || !(output.data instanceof Float32Array)) {
    throw new QfleetError(
      'shape-mismatch',
      `An output of a batch of ${batch} has the shape ${output.dims.join('×')}.`,
    );
  }
  const length = output.data.length / batch;
  return {
    type: output.type,
    data: output.data.slice(index * length, (index + 1) * length),
    dims: [1, ...output.dims.slice(1)],
  };
}
