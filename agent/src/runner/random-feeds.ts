import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import { roundToFloat16 } from '@qfleet/shared/inputs/round-to-float16.ts';
import { type TensorData, typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import type { Random } from '@qfleet/shared/random.ts';
import type { FeedTensor, TensorSlot } from '../backends/backend.ts';
import { feedItems, findDataSlot } from './feed-item.ts';
import { type DimensionSizes, requireSizes, resolveDims } from './resolve-dims.ts';

export interface RandomFeed {
  readonly contract: InputContract__Output;
  readonly inputs: readonly TensorSlot[];
  readonly sizes: DimensionSizes;
}

/**
 * Seeded random values for every input. Where the contract describes images, random uint8 pixels go through
 * it, so that the values are of the size that the model was made for; otherwise floats are uniform in [0, 1)
 * and integers 0 or 1, which is within range for indices and masks alike. Throws `shape-mismatch` where the model
 * leaves dimensions open and nothing says how large they are.
 */
export function randomFeeds(feed: RandomFeed, random: Random): Record<string, FeedTensor> {
  if (feed.contract.layout === 'NCHW' || feed.contract.layout === 'NHWC') return randomImage(feed, random);
  requireSizes(feed.inputs, feed.sizes);
  return Object.fromEntries(feed.inputs.map((slot) => [slot.name, randomTensor(slot, feed.sizes, random)]));
}

function randomImage({ contract, inputs, sizes }: RandomFeed, random: Random): Record<string, FeedTensor> {
  const shape = imageShape(contract, findDataSlot(inputs, contract), sizes);
  const length = shape.reduce((product, size) => product * size, 1);
  const raws = Array.from({ length: sizes.batch }, () =>
    Uint8Array.from({ length }, () => random.below(256)),
  );
  return feedItems(raws, { item: { elementType: 'uint8', shape }, contract, inputs, sizes });
}

/** Height, width, channels; what the contract leaves open is taken from the model, or from the sizes given. */
function imageShape(
  contract: InputContract__Output,
  slot: TensorSlot,
  sizes: DimensionSizes,
): [number, number, number] {
  const channels = { RGB: 3, BGR: 3, gray: 1 }[contract.channels] ?? 0;
  const { height, width } = contract;
  const byContract = contract.layout === 'NCHW' ? [0, channels, height, width] : [0, height, width, channels];
  const shape = slot.shape?.map((dim, i) => (typeof dim === 'string' && byContract[i]) || dim);
  if (shape) requireSizes([{ ...slot, shape }], sizes);
  const dims = shape ? resolveDims({ ...slot, shape }, sizes) : byContract;
  const at = (axis: number): number => dims[axis] || 1;
  return contract.layout === 'NCHW' ? [at(2), at(3), at(1)] : [at(1), at(2), at(3)];
}

function randomTensor(slot: TensorSlot, sizes: DimensionSizes, random: Random): FeedTensor {
  const dims = resolveDims(slot, sizes);
  const length = dims.reduce((product, size) => product * size, 1);
  const data = new (typedArrayFor(slot.elementType))(length);
  fillRandom(data, slot.elementType, random);
  return { elementType: slot.elementType, data, dims };
}

function fillRandom(data: TensorData, elementType: string, random: Random): void {
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(random.below(2));
    else if (elementType === 'float16') data[i] = roundToFloat16(random.next());
    else if (elementType.startsWith('float')) data[i] = random.next();
    else data[i] = random.below(2);
  }
}
