import { QfleetError } from '@qfleet/shared/errors.ts';
import type { OutputTensor } from '../backends/backend.ts';

/** An output's values as float32; 64-bit integers are rounded. Throws `unsupported` for text. */
export function toFloat32(output: OutputTensor): Float32Array {
  const { data } = output;
  if (data instanceof Float32Array) return data;
  if (output.type === 'float16' && data instanceof Uint16Array) return fromHalfBits(data);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) {
    return Float32Array.from(data as unknown as ArrayLike<number>);
  }
  throw new QfleetError('unsupported', `Outputs of element type ${output.type} cannot be compared.`);
}

function fromHalfBits(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
