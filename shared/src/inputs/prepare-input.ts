import type { InputContract__Output } from '../../gen/qfleet/v1/InputContract.ts';
import { QfleetError } from '../errors.ts';
import { convertIntegers } from './convert-integers.ts';
import { roundToFloat16 } from './round-to-float16.ts';
import { readElements, type TensorData, typedArrayFor } from './typed-array-for.ts';

/** How one item lies in a dataset: images as `[height, width, channels]`, channels in RGB order. */
export interface ItemLayout {
  readonly elementType: string;
  readonly shape: readonly number[];
}

/** The fields of an input contract that scaling needs; the wire's and the model's contract both fit. */
export type PreparationContract = Pick<
  InputContract__Output,
  'layout' | 'elementType' | 'channels' | 'height' | 'width' | 'scale'
> & { readonly mean: readonly number[]; readonly deviation: readonly number[] };

export interface PreparedInput {
  readonly data: TensorData;
  readonly dims: number[];
}

/**
 * One raw item (little-endian bytes) as the model's input of batch 1:
 * x = (f32(item) * f32(scale) - f32(mean[c])) / f32(deviation[c]), every step rounded to float32, so that all
 * machines feed the same bytes. `as-is` items keep their order; `inputRank`, the number of dimensions of the
 * model's input, tells whether they lack its batch dimension. Integers and truth values go into an integer or bool
 * input of another width where every value fits. Throws `shape-mismatch` where bytes, item and contract disagree
 * or a value does not fit, `invalid-argument` for a scale or deviation of 0, `unsupported` for other element types.
 */
export function prepareInput(
  raw: Uint8Array,
  item: ItemLayout,
  contract: PreparationContract,
  inputRank?: number,
): PreparedInput {
  const source = readItem(raw, item);
  const grid = layOut(item, contract, inputRank);
  if (isIdentity(contract) && item.elementType === contract.elementType) {
    return { data: reorder(source, grid, contract.elementType), dims: grid.dims };
  }
  if (!contract.elementType.startsWith('float')) {
    requireUnscaled(item, contract);
    const integers = convertIntegers(source, item.elementType, contract.elementType);
    return { data: reorder(integers, grid, contract.elementType), dims: grid.dims };
  }
  const scaled = scaleItem(source, grid, contract);
  return { data: toElementType(scaled, contract.elementType), dims: grid.dims };
}

/** Where each source channel goes: `target = pixel * pixelStride + planeOffset[sourceChannel]`. */
interface Grid {
  readonly dims: number[];
  readonly pixels: number;
  readonly channels: number;
  readonly pixelStride: number;
  readonly targetOffsets: readonly number[];
  /** The model's channel of each source channel; mean and deviation go by it. */
  readonly targetChannels: readonly number[];
}

function readItem(raw: Uint8Array, item: ItemLayout): TensorData {
  const count = item.shape.reduce((product, size) => product * size, 1);
  const expected = count * typedArrayFor(item.elementType).BYTES_PER_ELEMENT;
  if (raw.byteLength !== expected) {
    throw new QfleetError(
      'shape-mismatch',
      `An item of ${item.elementType} [${item.shape.join(', ')}] has ${expected} bytes, got ${raw.byteLength}.`,
    );
  }
  return readElements(item.elementType, raw);
}

function layOut(item: ItemLayout, contract: PreparationContract, inputRank: number | undefined): Grid {
  if (contract.layout === 'as-is') return layOutAsIs(item, inputRank);
  const [height, width, channels] = imageShape(item, contract);
  const isPlanar = contract.layout === 'NCHW';
  const pixels = height * width;
  const targetChannels = Array.from({ length: channels }, (_, c) =>
    contract.channels === 'BGR' ? channels - 1 - c : c,
  );
  return {
    dims: isPlanar ? [1, channels, height, width] : [1, height, width, channels],
    pixels,
    channels,
    pixelStride: isPlanar ? 1 : channels,
    targetOffsets: targetChannels.map((c) => (isPlanar ? c * pixels : c)),
    targetChannels,
  };
}

function layOutAsIs(item: ItemLayout, inputRank: number | undefined): Grid {
  const needsBatch = inputRank !== undefined && inputRank === item.shape.length + 1;
  return {
    dims: needsBatch ? [1, ...item.shape] : [...item.shape],
    pixels: item.shape.reduce((product, size) => product * size, 1),
    channels: 1,
    pixelStride: 1,
    targetOffsets: [0],
    targetChannels: [0],
  };
}

function imageShape(item: ItemLayout, contract: PreparationContract): [number, number, number] {
  if (contract.layout !== 'NCHW' && contract.layout !== 'NHWC') {
    throw new QfleetError('unsupported', `Layout "${contract.layout}" is none of NCHW, NHWC, as-is.`);
  }
  const [height = 0, width = 0, channels = 1] = item.shape;
  const wanted = { RGB: 3, BGR: 3, gray: 1 }[contract.channels] ?? channels;
  const isImage = item.shape.length === 2 || item.shape.length === 3;
  const fits =
    (contract.height === 0 || contract.height === height) &&
    (contract.width === 0 || contract.width === width) &&
    channels === wanted;
  if (isImage && fits) return [height, width, channels];
  throw new QfleetError(
    'shape-mismatch',
    `The input contract wants images of [${contract.height || 'any'}, ${contract.width || 'any'}, ${wanted}] ` +
      `(height, width, channels), the item is [${item.shape.join(', ')}].`,
    { hint: 'Add the dataset again so that it is resized for this model, or correct the input contract.' },
  );
}

function isIdentity(contract: PreparationContract): boolean {
  return (
    contract.scale === 1 &&
    contract.mean.every((value) => value === 0) &&
    contract.deviation.every((value) => value === 1)
  );
}

function reorder(source: TensorData, grid: Grid, elementType: string): TensorData {
  if (grid.channels === 1) return source;
  const target = new (typedArrayFor(elementType))(source.length);
  for (let c = 0; c < grid.channels; c++) {
    const offset = grid.targetOffsets[c]!;
    for (let p = 0; p < grid.pixels; p++) {
      target[offset + p * grid.pixelStride] = source[p * grid.channels + c]!;
    }
  }
  return target;
}

function scaleItem(source: TensorData, grid: Grid, contract: PreparationContract): Float32Array {
  const scale = nonZero(contract.scale, 'scale');
  const target = new Float32Array(source.length);
  for (let c = 0; c < grid.channels; c++) {
    const channel = grid.targetChannels[c]!;
    const mean = Math.fround(perChannel(contract.mean, channel, grid.channels, 'mean') ?? 0);
    const deviation = nonZero(
      perChannel(contract.deviation, channel, grid.channels, 'deviation') ?? 1,
      'deviation',
    );
    const offset = grid.targetOffsets[c]!;
    // All 256 values once is the same arithmetic as each pixel by itself, and several times faster.
    const table =
      source instanceof Uint8Array && source.length > 256 ? byteTable(scale, mean, deviation) : undefined;
    for (let p = 0; p < grid.pixels; p++) {
      const value = Number(source[p * grid.channels + c]);
      target[offset + p * grid.pixelStride] = table ? table[value]! : scaleOne(value, scale, mean, deviation);
    }
  }
  return target;
}

function byteTable(scale: number, mean: number, deviation: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) => scaleOne(value, scale, mean, deviation));
}

function scaleOne(value: number, scale: number, mean: number, deviation: number): number {
  const product = Math.fround(Math.fround(value) * scale);
  return Math.fround(Math.fround(product - mean) / deviation);
}

function perChannel(
  values: readonly number[],
  channel: number,
  channels: number,
  name: string,
): number | undefined {
  if (values.length <= 1) return values[0];
  if (values.length === channels) return values[channel];
  throw new QfleetError(
    'shape-mismatch',
    `The input contract has ${values.length} values of ${name} for ${channels} channel(s).`,
    { hint: 'Give one value for all channels, or one for each in the order of the model’s channels.' },
  );
}

function nonZero(value: number, name: string): number {
  const rounded = Math.fround(value);
  if (rounded !== 0 && Number.isFinite(rounded)) return rounded;
  throw new QfleetError(
    'invalid-argument',
    `The input contract's ${name} is ${value}; expected a number other than 0.`,
  );
}

function toElementType(values: Float32Array, elementType: string): TensorData {
  if (elementType === 'float32') return values;
  if (elementType === 'float64') return Float64Array.from(values);
  if (elementType === 'float16') return Uint16Array.from(values, roundToFloat16);
  throw new QfleetError('unsupported', `Element type "${elementType}" cannot be fed to a model.`);
}

function requireUnscaled(item: ItemLayout, contract: PreparationContract): void {
  if (item.elementType.startsWith('float'))
    throw new QfleetError(
      'shape-mismatch',
      `The model's input takes ${contract.elementType}, the items are ${item.elementType}.`,
      { hint: 'Save the items as integers.' },
    );
  if (isIdentity(contract)) return;
  throw new QfleetError(
    'unsupported',
    `The model's input takes ${contract.elementType}, which is not scaled; the input contract has scale ${contract.scale}, mean [${contract.mean.join(', ')}], deviation [${contract.deviation.join(', ')}].`,
    { hint: 'Give the model an input contract with scale 1 and without mean and deviation (preset raw).' },
  );
}
