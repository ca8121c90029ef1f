import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ImportLimits } from '../import-limits.ts';
import { refused } from '../refused.ts';
import { type ArrayType, storedElements } from './array-type.ts';
import type { ByteCursor } from './byte-cursor.ts';
import type { RawItem, ReadOptions } from './item-reader.ts';

/** An array whose first dimension counts the items. */
export interface ArrayHeader {
  readonly type: ArrayType;
  readonly shape: readonly number[];
}

/** How the items of an array are stored. */
export interface ArrayLayout {
  readonly shape: readonly number[];
  readonly channels: 'RGB' | 'gray' | '';
  /** Items are [channels, height, width] in the file. */
  readonly channelsFirst: boolean;
}

/**
 * How items of an array are stored: uint8 [n, h, w] as gray images, [n, h, w, 1 or 3] as gray or RGB
 * images, [n, 1 or 3, h, w] as such images with the channels moved last, everything else as tensors.
 */
export function layOutItems({ type, shape }: ArrayHeader): ArrayLayout {
  const item = shape.slice(1);
  const plain: ArrayLayout = { shape: item, channels: '', channelsFirst: false };
  if (item.length === 2 && type.elementType === 'uint8')
    return { shape: [...item, 1], channels: 'gray', channelsFirst: false };
  if (item.length !== 3) return plain;
  const [first, second, last] = item as [number, number, number];
  if (isChannelCount(last)) return { shape: item, channels: colours(last), channelsFirst: false };
  if (isChannelCount(first))
    return { shape: [second, last, first], channels: colours(first), channelsFirst: true };
  return plain;
}

/**
 * The items of an array from where the cursor stands, one in memory at a time. Throws `refused` where the
 * bytes do not fit the header, and on NaN or infinity with the item's index.
 */
export async function* arrayItems(
  cursor: ByteCursor,
  header: ArrayHeader,
  options: { what: string; labels: readonly number[] | undefined },
): AsyncGenerator<RawItem> {
  await using source = cursor;
  const { type } = header;
  const layout = layOutItems(header);
  const itemBytes = product(header.shape.slice(1)) * type.sizeBytes;
  for (let index = 0; index < header.shape[0]!; index++) {
    const stored = storedElements(type, await source.take(itemBytes));
    if (type.elementType === 'float32') requireFinite(stored, `${options.what}, item ${index}`);
    const bytes = layout.channelsFirst ? channelsLast(stored, layout.shape) : stored;
    const label = options.labels?.[index];
    const item = { bytes, elementType: type.elementType, shape: layout.shape, channels: layout.channels };
    yield { ...item, name: `item ${index}`, ...(label === undefined ? {} : { label }) };
  }
  await source.expectEnd();
}

/** Checks an array before it is read and says what will be done to it; throws `refused` with what is wrong. */
export function checkArray(
  header: ArrayHeader,
  labels: readonly number[] | undefined,
  what: string,
  options: ReadOptions,
): void {
  const { shape, type } = header;
  if (shape.length < 2 || shape.slice(1).includes(0)) {
    throw refused(
      `${what} has shape [${shape.join(', ')}]; expected [items, …] with at least two dimensions, none of them 0.`,
      'Save one array whose first dimension counts the items.',
    );
  }
  checkSize(shape, type.sizeBytes, what, options.limits);
  if (labels && labels.length !== shape[0]) {
    throw refused(
      `${what} has ${shape[0]} items, but there are ${labels.length} labels.`,
      'Every item needs one label.',
    );
  }
  refuseImageOptions(what, options);
  if (type.toFloat32) options.note(`${what}: ${type.sizeBytes * 8}-bit floats are stored as float32.`);
  if (layOutItems(header).channelsFirst)
    options.note(`${what}: items are stored as [height, width, channels].`);
}

function refuseImageOptions(what: string, options: ReadOptions): void {
  if (options.labelsCsv === undefined && options.resize === undefined) return;
  const option = options.resize === undefined ? 'A labels CSV' : 'Resizing';
  throw new QfleetError('invalid-argument', `${option} is for image files; ${what} holds arrays.`, {
    hint: 'Leave that option out: arrays bring their labels as a second array, and are resized when a model asks for it.',
  });
}

function checkSize(shape: readonly number[], elementBytes: number, what: string, limits: ImportLimits): void {
  const itemBytes = product(shape.slice(1)) * elementBytes;
  if (
    itemBytes > limits.maxItemBytes ||
    shape[0]! > limits.maxItems ||
    itemBytes * shape[0]! > limits.maxTotalBytes
  ) {
    throw refused(
      `${what} announces ${shape[0]} items of ${itemBytes} bytes; at most ${limits.maxItems} items of ${limits.maxItemBytes} bytes, ${limits.maxTotalBytes} bytes in all.`,
      'Import a part of it.',
    );
  }
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function isChannelCount(size: number): boolean {
  return size === 1 || size === 3;
}

function colours(channels: number): 'RGB' | 'gray' {
  return channels === 1 ? 'gray' : 'RGB';
}

function requireFinite(bytes: Buffer, what: string): void {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw refused(
    `${what} has ${values[at]} at position ${at}; expected finite numbers.`,
    'Remove that item, or repair the data where it was made.',
  );
}

/** [channels, height, width] → [height, width, channels]. */
function channelsLast(bytes: Buffer, shape: readonly number[]): Buffer {
  const [height, width, channels] = shape as [number, number, number];
  const pixels = height * width;
  const elementBytes = bytes.length / (pixels * channels);
  if (channels === 1) return bytes;
  const result = Buffer.allocUnsafeSlow(bytes.length);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < pixels; p++) {
      const from = (c * pixels + p) * elementBytes;
      bytes.copy(result, (p * channels + c) * elementBytes, from, from + elementBytes);
    }
  }
  return result;
}
