import type { WeightFormat } from '../static/compute-scale.ts';
import { computeWeightScales, quantizeWeight } from '../static/quantize-weight.ts';

export interface MatrixOptions {
  readonly granularity: 'per-tensor' | 'per-channel';
  /**
   * 7 bits instead of 8: on x86 without VNNI two products of uint8 and int8 are added in 16 bits, which
   * saturates unless 255 * (|w1| + |w2|) ≤ 32767.
   */
  readonly reduceRange: boolean;
}

export interface QuantizedMatrix {
  /** `[K, N]` */
  readonly data: Int8Array;
  /** One, or one per column. */
  readonly scales: Float32Array;
}

/** A float32 matrix [K, N] as int8 with zero point 0. Throws `refused` for NaN and infinities, naming the weight. */
export function quantizeMatrix(
  values: Float32Array,
  columns: number,
  { name, granularity, reduceRange }: MatrixOptions & { readonly name: string },
): QuantizedMatrix {
  const weight = {
    values,
    dims: [values.length / columns, columns],
    axis: granularity === 'per-channel' ? 1 : undefined,
  };
  const format: WeightFormat = { elementType: 'int8', bits: reduceRange ? 7 : 8 };
  const scales = computeWeightScales(weight, name, format);
  // With scales of 7 bits nothing reaches beyond ±64, whatever is clipped to.
  return { data: quantizeWeight(weight, scales), scales };
}
