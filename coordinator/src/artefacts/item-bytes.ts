import { QfleetError } from '@qfleet/shared/errors.ts';

const elementSizes: Record<string, number> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
};

/** Size of one raw item; throws `unsupported` for an element type of unknown size. */
export function itemBytes(item: { elementType: string; shape: readonly number[] }): number {
  const size = elementSizes[item.elementType];
  if (size === undefined)
    throw new QfleetError('unsupported', `Elements of type ${item.elementType} have no known size.`);
  return item.shape.reduce((all, length) => all * length, size);
}
