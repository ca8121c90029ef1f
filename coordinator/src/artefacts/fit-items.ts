import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import type { Dataset, TensorInfo } from './artefacts.ts';
import type { ImageTarget } from './images/convert-image.ts';

/** What has to be done to items before they can be sent to a model's input. */
export type ItemFit =
  | { readonly kind: 'as-stored'; readonly shape: readonly number[] }
  | { readonly kind: 'convert'; readonly to: ImageTarget };

/**
 * Whether items fit an input contract as they are stored, or have to be resized or recoloured first.
 * `modelInput` is the model's own input, which a contract `as-is` is compared with, the batch dimension
 * left out; dimensions of 1 may be more or fewer, and the shape returned has those of the model. Throws `shape-mismatch` where the items cannot become that input.
 */
export function fitItems(
  dataset: Pick<Dataset, 'name' | 'item' | 'channels' | 'encoding'>,
  contract: InputContract,
  modelInput: TensorInfo | undefined,
): ItemFit {
  requireElementType(dataset, contract);
  if (contract.layout === 'as-is') return fitTensor(dataset, modelInput);
  const shape = imageShape(dataset.item.shape);
  const target = imageTarget(dataset, contract, shape);
  if (!shape) throw mismatch(dataset, describe(target), 'Use a dataset of images for this model.');
  const [height, width, channels] = shape;
  const isSameSize = height === target.height && width === target.width;
  if (isSameSize && channels === channelCount(target)) return { kind: 'as-stored', shape };
  if (dataset.item.elementType === 'uint8' && (channels === 1 || channels === 3))
    return { kind: 'convert', to: target };
  throw mismatch(
    dataset,
    describe(target),
    'Only uint8 images are resized: give the items in the size that the model takes, or as uint8.',
  );
}

/** Values of one pixel. */
export function channelCount(target: ImageTarget): number {
  return target.channels === 'gray' ? 1 : 3;
}

function requireElementType(
  dataset: Pick<Dataset, 'name' | 'item' | 'encoding'>,
  contract: InputContract,
): void {
  if (!dataset.item.elementType.startsWith('float') || contract.elementType.startsWith('float')) return;
  throw new QfleetError(
    'shape-mismatch',
    `The model's input takes ${contract.elementType}, the items of ${dataset.name} are ${dataset.item.elementType}.`,
    { hint: 'Save the items as integers.' },
  );
}

function fitTensor(
  dataset: Pick<Dataset, 'name' | 'item' | 'encoding'>,
  modelInput: TensorInfo | undefined,
): ItemFit {
  const { shape } = dataset.item;
  if (dataset.encoding)
    throw mismatch(
      dataset,
      'one shape, the layout of its input being as-is',
      'Give the model an input contract with layout NCHW or NHWC, height and width.',
    );
  if (!modelInput) return { kind: 'as-stored', shape };
  const { shape: wanted } = modelInput;
  const fitted = alignShape(shape, wanted.slice(1)) ?? (isSameShape(shape, wanted) ? shape : undefined);
  if (fitted) return { kind: 'as-stored', shape: fitted };
  throw mismatch(
    dataset,
    `[${wanted.slice(1).join(', ')}] (input ${modelInput.name} without its batch dimension)`,
    'Use a dataset made for this model, or give the model an input contract with layout NCHW or NHWC.',
  );
}

/** The item's shape with the dimensions of 1 where the model has them; undefined where the others differ. */
function alignShape(shape: readonly number[], wanted: TensorInfo['shape']): number[] | undefined {
  if (isSameShape(shape, wanted)) return [...shape];
  const rest = shape.filter((size) => size !== 1);
  const aligned = wanted.map((size) => (size === 1 ? 1 : (rest.shift() ?? 1)));
  return rest.length === 0 && isSameShape(aligned, wanted) ? aligned : undefined;
}

/** A symbolic dimension takes any size. */
function isSameShape(shape: readonly number[], wanted: TensorInfo['shape']): boolean {
  return (
    shape.length === wanted.length && wanted.every((size, i) => typeof size === 'string' || size === shape[i])
  );
}

/** Where the contract leaves height or width open, items of one size keep their own. */
function imageTarget(
  { name, encoding }: Pick<Dataset, 'name' | 'encoding'>,
  contract: InputContract,
  shape: readonly [number, number, number] | undefined,
): ImageTarget {
  const { channels, resize, filter } = contract;
  const height = contract.height || shape?.[0] || 0;
  const width = contract.width || shape?.[1] || 0;
  const isOpen = contract.height === 0 || contract.width === 0;
  const isOwnSize = !encoding && shape?.[0] === height && shape[1] === width;
  if (channels !== '' && (!isOpen || isOwnSize || !shape))
    return { height, width, resize, filter, channels: channels === 'gray' ? 'gray' : 'RGB' };
  throw new QfleetError(
    'invalid-argument',
    channels === ''
      ? 'The input contract names a layout, but no channels.'
      : `The model leaves the size of its input open, and the images of ${name} ${encoding ? 'differ in size' : 'do not have the size that it fixes'}.`,
    {
      hint: 'Give height, width and channels in the input contract: a file with lines such as "height: 224", passed with --contract.',
    },
  );
}

/** [height, width, channels]; a matrix is an image of one channel. */
function imageShape(shape: readonly number[]): [number, number, number] | undefined {
  const [first, second, third] = shape;
  if (first === undefined || second === undefined || shape.length > 3) return undefined;
  return [first, second, third ?? 1];
}

function describe(target: ImageTarget): string {
  return `[${target.height}, ${target.width}, ${channelCount(target)}] (${target.channels} images)`;
}

function mismatch(
  dataset: Pick<Dataset, 'name' | 'item' | 'encoding'>,
  expected: string,
  hint: string,
): QfleetError {
  const { elementType, shape } = dataset.item;
  const got = dataset.encoding ? 'images of differing sizes' : `${elementType} [${shape.join(', ')}]`;
  return new QfleetError(
    'shape-mismatch',
    `The model expects items of ${expected}; those of ${dataset.name} are ${got}.`,
    { hint },
  );
}
