import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import { roundToFloat16 } from '@qfleet/shared/inputs/round-to-float16.ts';
import { type TensorData, typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import type { Random } from '@qfleet/shared/random.ts';
import type { FeedTensor, TensorSlot } from '../backends/backend.ts';
import { feedItems, findDataSlot } from './feed-item.ts';
import { type DimensionSizes, resolveDims } from './resolve-dims.ts';

export interface RandomFeed {
  readonly contract: InputContract__Output;
  readonly inputs: readonly TensorSlot[];
  readonly sizes: DimensionSizes;
}

/**
 * Seeded random values for every input. Where the contract describes images, random uint8 pixels go through
 * it, so that the values are of the size that the model was made for; otherwise floats are uniform in [0, 1)
 * and integers 0 or 1, which is within range for indices and masks alike.
 */
export function randomFeeds(feed: RandomFeed, random: Random): Record<string, FeedTensor> {
  if (feed.contract.layout === 'NCHW' || feed.contract.layout === 'NHWC') return randomImage(feed, random);
  return Object.fromEntries(feed.inputs.map((slot) => [slot.name, randomTensor(slot, feed.sizes, random)]));
}

function randomImage({ contract, inputs, sizes }: RandomFeed, random: Random): Record<string, FeedTensor> {
  const shape = imageShape(contract, findDataSlot(inputs, contract));
  const length = shape.reduce((product, size) => product * size, 1);
  const raws = Array.from({ length: sizes.batch }, () =>
    Uint8Array.from({ length }, () => random.below(256)),
  );
  return feedItems(raws, { item: { elementType: 'uint8', shape }, contract, inputs, sizes });
}

/** Height, width, channels; what the contract leaves open is taken from the model. */
function imageShape(contract: InputContract__Output, slot: TensorSlot): [number, number, number] {
  const dims = slot.shape ?? [];
  const [height, width, channels] =
    contract.layout === 'NCHW' ? [dims[2], dims[3], dims[1]] : [dims[1], dims[2], dims[3]];
  const known = (size: number | string | undefined): number =>
    typeof size === 'number' && size > 0 ? size : 1;
  const byName = { RGB: 3, BGR: 3, gray: 1 }[contract.channels];
  return [contract.height || known(height), contract.width || known(width), byName ?? known(channels)];
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
