import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import type { FeedTensor, TensorSlot } from '../backends/backend.ts';
import { feedItems } from './feed-item.ts';
import type { ItemLayout, PoolSource } from './protocol.ts';
import { randomFeeds } from './random-feeds.ts';
import type { DimensionSizes } from './resolve-dims.ts';

/** At most so many inputs are rotated in a timed launch … */
export const maxPoolInputs = 8;
/** … and at most so many bytes, so that the pool does not press the model out of a small board's memory. */
const maxPoolBytes = 16 * 2 ** 20;

export interface InputPool {
  /** At least one. */
  readonly feeds: readonly Readonly<Record<string, FeedTensor>>[];
  /** SHA-256 of the bytes of all tensors, input by input, in the model's order. */
  readonly digest: string;
  /** Of the first feed, by input. */
  readonly shapes: Record<string, number[]>;
}

/** The inputs that a timed launch rotates, made before anything is timed. */
export async function makeInputPool(
  source: PoolSource,
  inputs: readonly TensorSlot[],
  sizes: DimensionSizes,
): Promise<InputPool> {
  const makeFeed = await feedMaker(source, inputs, sizes);
  const hash = createHash('sha256');
  const feeds: Record<string, FeedTensor>[] = [];
  let bytes = 0;
  while (feeds.length < maxPoolInputs) {
    const feed = makeFeed(feeds.length);
    const size = Object.values(feed).reduce((sum, { data }) => sum + data.byteLength, 0);
    if (feeds.length > 0 && bytes + size > maxPoolBytes) break;
    for (const { name } of inputs) hash.update(bytesOf(feed[name]));
    feeds.push(feed);
    bytes += size;
  }
  const shapes = Object.fromEntries(Object.entries(feeds[0]!).map(([name, { dims }]) => [name, [...dims]]));
  return { feeds, digest: hash.digest('hex'), shapes };
}

async function feedMaker(
  source: PoolSource,
  inputs: readonly TensorSlot[],
  sizes: DimensionSizes,
): Promise<(index: number) => Record<string, FeedTensor>> {
  if (source.kind === 'random') {
    const random = createRandom(source.seed);
    return () => randomFeeds({ contract: source.contract, inputs, sizes }, random);
  }
  const raws = await readItems(source.item, source.shards, maxPoolInputs * sizes.batch);
  const itemAt = (index: number): Uint8Array => raws[index % raws.length]!;
  return (index) =>
    feedItems(
      Array.from({ length: sizes.batch }, (_, i) => itemAt(index * sizes.batch + i)),
      { item: source.item, contract: source.contract, inputs, sizes },
    );
}

/** The first items of the shards; throws `shape-mismatch` where there are none. */
async function readItems(
  item: ItemLayout,
  shards: readonly { readonly path: string; readonly count: number }[],
  limit: number,
): Promise<Uint8Array[]> {
  const items: Uint8Array[] = [];
  for (const shard of shards) {
    const wanted = Math.min(limit - items.length, shard.count);
    if (wanted > 0) items.push(...(await readFirstItems(shard.path, item, wanted)));
  }
  if (items.length === 0) throw new QfleetError('shape-mismatch', 'The dataset of the job has no items.');
  return items;
}

async function readFirstItems(path: string, item: ItemLayout, count: number): Promise<Uint8Array[]> {
  const sizeBytes = itemSizeBytes(item);
  const buffer = new Uint8Array(sizeBytes * count);
  await using file = await open(path);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  if (bytesRead < buffer.length) {
    throw new QfleetError(
      'shape-mismatch',
      `A shard should hold ${count} items of ${sizeBytes} bytes, it has ${bytesRead} bytes.`,
    );
  }
  return Array.from({ length: count }, (_, i) => buffer.subarray(i * sizeBytes, (i + 1) * sizeBytes));
}

/** Bytes of one raw item. */
export function itemSizeBytes(item: ItemLayout): number {
  const elements = item.shape.reduce((product, size) => product * size, 1);
  return elements * typedArrayFor(item.elementType).BYTES_PER_ELEMENT;
}

function bytesOf(tensor: FeedTensor | undefined): Uint8Array {
  if (!tensor) return new Uint8Array();
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}
