import { QfleetError } from '../errors.ts';

/** Storage of a tensor's elements, as ONNX Runtime takes them. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

export interface TensorDataConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): TensorData;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): TensorData;
}

const constructors: Readonly<Record<string, TensorDataConstructor>> = {
  float32: Float32Array,
  float64: Float64Array,
  /** Half precision travels as its bits. */
  float16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
};

/** The typed array of an element type by its ONNX Runtime name (`float32`, `uint8`, `int64`, …); throws `unsupported`. */
export function typedArrayFor(elementType: string): TensorDataConstructor {
  const found = Object.hasOwn(constructors, elementType) ? constructors[elementType] : undefined;
  if (found) return found;
  throw new QfleetError('unsupported', `Element type "${elementType}" is not supported.`, {
    hint: `Use one of ${Object.keys(constructors).join(', ')}.`,
  });
}

/** Little-endian bytes as elements: a copy, since bytes cut from a shard or message are often unaligned. */
export function readElements(elementType: string, bytes: Uint8Array): TensorData {
  const Elements = typedArrayFor(elementType);
  if (bytes.byteLength % Elements.BYTES_PER_ELEMENT !== 0) {
    throw new QfleetError(
      'shape-mismatch',
      `${bytes.byteLength} bytes are no whole number of ${elementType} elements.`,
    );
  }
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new Elements(copy.buffer);
}
