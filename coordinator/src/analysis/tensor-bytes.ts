import type { TensorInfo } from '../artefacts/artefacts.ts';

const bitsOf: Readonly<Record<string, number>> = {
  float64: 64,
  int64: 64,
  uint64: 64,
  float32: 32,
  int32: 32,
  uint32: 32,
  float16: 16,
  bfloat16: 16,
  int16: 16,
  uint16: 16,
  int4: 4,
  uint4: 4,
};

/** Bytes of tensors for one sample; symbolic dimensions count as 1, other element types as one byte. */
export function tensorBytes(tensors: readonly TensorInfo[]): number {
  return tensors.reduce((sum, { elementType, shape }) => {
    const elements = shape.reduce<number>(
      (product, size) => product * (typeof size === 'number' ? size : 1),
      1,
    );
    return sum + (elements * (bitsOf[elementType] ?? 8)) / 8;
  }, 0);
}
