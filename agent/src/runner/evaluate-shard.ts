import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Feeds, FeedTensor, LoadedVariant, Outputs, OutputTensor } from '../backends/backend.ts';
import { feedItems } from './feed-item.ts';
import { itemSizeBytes } from './make-input-pool.ts';
import type { ShardEvaluation, ShardRequest } from './protocol.ts';
import { selectTop } from './select-top.ts';
import { toFloat32 } from './to-float32.ts';
import { turnEventLoop } from './turn-event-loop.ts';

/** How often progress is told, milliseconds. */
const progressEveryMs = 500;

interface Evaluation {
  readonly variant: LoadedVariant;
  readonly dimensions: Readonly<Record<string, number>>;
}

/** Runs a variant on the first items of a shard, one by one or as many at a time as it takes, and keeps what the job asks for. */
export async function evaluateShard(
  { variant, dimensions }: Evaluation,
  request: ShardRequest,
  onProgress: (fraction: number) => void,
): Promise<ShardEvaluation> {
  const items = await readShard(request);
  const collector = new Collector(variant, request);
  const feed = { ...request, inputs: variant.inputs, sizes: { dimensions, batch: 1 } };
  const infer = inferenceOf(variant);
  const size = variant.batched?.size ?? 1;
  let toldAt = performance.now();
  for (let first = 0; first < items.length; first += size) {
    const tensors = items.slice(first, first + size).map((raw) => feedItems([raw], feed));
    const feeds = tensors.map((one) => variant.prepareFeeds(one));
    for (const [i, outputs] of (await infer(feeds)).entries()) {
      collector.add(first + i, tensors[i]!, outputs);
    }
    // The batch as it was: another one may be computed otherwise.
    if (first < request.repeatCount) collector.repeat(first, await infer(feeds));
    if (performance.now() - toldAt < progressEveryMs) continue;
    onProgress(Math.min(1, (first + size) / items.length));
    await turnEventLoop();
    toldAt = performance.now();
  }
  return collector.finish();
}

function inferenceOf(variant: LoadedVariant): (feeds: readonly Feeds[]) => Promise<readonly Outputs[]> {
  const { batched } = variant;
  return batched ? (feeds) => batched.infer(feeds) : async ([feeds]) => [await variant.infer(feeds!)];
}

async function readShard({ path, item, count }: ShardRequest): Promise<Uint8Array[]> {
  const bytes = await readFile(path);
  const size = itemSizeBytes(item);
  if (bytes.length < size * count) {
    throw new QfleetError(
      'shape-mismatch',
      `A shard should hold ${count} items of ${size} bytes, it has ${bytes.length} bytes.`,
    );
  }
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Gathers one shard's facts input by input. */
class Collector {
  readonly #variant: LoadedVariant;
  readonly #request: ShardRequest;
  readonly #inputLines: string[] = [];
  readonly #outputLines: string[] = [];
  readonly #comparison: Float32Array[] = [];
  readonly #topK: Uint8Array[] = [];
  #outputs: ShardEvaluation['outputs'] = [];
  #k = 0;
  #nonFiniteInputs = 0;
  #repeated = 0;
  #identical = true;

  constructor(variant: LoadedVariant, request: ShardRequest) {
    this.#variant = variant;
    this.#request = request;
  }

  add(index: number, tensors: Readonly<Record<string, FeedTensor>>, outputs: Outputs): void {
    const ordered = this.#inOrder(outputs);
    this.#noteShapes(ordered);
    this.#inputLines.push(
      digestOf(this.#variant.inputs.map(({ name }) => tensors[name]?.data ?? new Uint8Array())),
    );
    this.#outputLines.push(digestOf(ordered.map(dataOf)));
    const values = ordered.map(toFloat32);
    if (values.some((tensor) => !tensor.every(Number.isFinite))) this.#nonFiniteInputs++;
    // Copies, since a backend may reuse the memory of its outputs.
    if (index < this.#request.comparisonCount)
      this.#comparison.push(...values.map((tensor) => tensor.slice()));
    if (this.#k > 0) this.#topK.push(encodeTop(values[0]!, this.#k));
  }

  /** Outputs of inputs that were added before, computed again. */
  repeat(first: number, outputs: readonly Outputs[]): void {
    for (const [i, again] of outputs.entries()) {
      if (first + i >= this.#request.repeatCount) return;
      this.#repeated++;
      const digest = digestOf(this.#inOrder(again).map(dataOf));
      if (digest !== this.#outputLines[first + i]) this.#identical = false;
    }
  }

  finish(): ShardEvaluation {
    const lines = (digests: readonly string[]): string => digests.map((digest) => `${digest}\n`).join('');
    const count = this.#inputLines.length;
    return {
      count,
      inputDigestLines: lines(this.#inputLines),
      outputDigestLines: lines(this.#outputLines),
      outputs: this.#outputs,
      comparison: {
        count: Math.min(count, this.#request.comparisonCount),
        values: joinFloats(this.#comparison),
      },
      ...(this.#k > 0 ? { topK: { k: this.#k, bytes: Buffer.concat(this.#topK) } } : {}),
      nonFiniteInputs: this.#nonFiniteInputs,
      repeat: { count: this.#repeated, identical: this.#identical },
    };
  }

  #inOrder(outputs: Outputs): OutputTensor[] {
    return this.#variant.outputs.map(({ name }) => {
      const output = outputs[name];
      if (output?.dims) return output;
      throw new QfleetError('unsupported', `Output "${name}" is no tensor.`, {
        hint: 'Export the model without sequence and map outputs (for scikit-learn: zipmap=False).',
      });
    });
  }

  /** Outputs are compared position by position, which wants one shape for all inputs. */
  #noteShapes(ordered: readonly OutputTensor[]): void {
    const shapes = ordered.map((output, i) => ({
      name: this.#variant.outputs[i]!.name,
      elementType: output.type,
      shape: [...output.dims],
    }));
    if (this.#outputs.length === 0) {
      this.#outputs = shapes;
      this.#k = this.#request.topK === 0 ? 0 : vectorK(ordered[0], this.#request.topK);
      return;
    }
    const changed = shapes.find(({ shape }, i) => shape.join() !== this.#outputs[i]?.shape.join());
    if (!changed) return;
    throw new QfleetError(
      'unsupported',
      `The shape of output "${changed.name}" depends on the input: [${changed.shape.join(', ')}] after another; such outputs cannot be compared.`,
      { hint: 'Export the model without its post-processing (such as non-maximum suppression).' },
    );
  }
}

/** How many best classes there are to keep, or 0 where the output is no vector: more than one dimension above 1. */
function vectorK(output: OutputTensor | undefined, topK: number): number {
  const dims = output?.dims ?? [];
  const long = dims.filter((size) => size !== 1);
  return long.length === 1 ? Math.min(topK, long[0]!) : 0;
}

function encodeTop(values: Float32Array, k: number): Uint8Array {
  const indices = selectTop(values, k);
  const bytes = Buffer.alloc(8 * k);
  for (let i = 0; i < k; i++) {
    bytes.writeUInt32LE(indices[i]!, 4 * i);
    bytes.writeFloatLE(values[indices[i]!]!, 4 * (k + i));
  }
  return bytes;
}

function dataOf(output: OutputTensor): ArrayBufferView {
  if (ArrayBuffer.isView(output.data)) return output.data;
  throw new QfleetError('unsupported', `Outputs of element type ${output.type} cannot be compared.`, {
    hint: 'Export the model without text outputs.',
  });
}

function digestOf(views: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const view of views) hash.update(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return hash.digest('hex');
}

function joinFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
