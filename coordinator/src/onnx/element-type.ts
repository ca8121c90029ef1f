import { QfleetError } from '@qfleet/shared/errors.ts';

export interface ElementType {
  /** Value of TensorProto.DataType. */
  readonly code: number;
  /** ONNX Runtime's name of it. */
  readonly name: string;
  /** Bits of one element; 0 for strings, whose size varies. */
  readonly bits: number;
}

/** ONNX's element types, from the enum TensorProto.DataType of onnx.proto. */
const elementTypes: readonly ElementType[] = [
  { code: 1, name: 'float32', bits: 32 },
  { code: 2, name: 'uint8', bits: 8 },
  { code: 3, name: 'int8', bits: 8 },
  { code: 4, name: 'uint16', bits: 16 },
  { code: 5, name: 'int16', bits: 16 },
  { code: 6, name: 'int32', bits: 32 },
  { code: 7, name: 'int64', bits: 64 },
  { code: 8, name: 'string', bits: 0 },
  { code: 9, name: 'bool', bits: 8 },
  { code: 10, name: 'float16', bits: 16 },
  { code: 11, name: 'float64', bits: 64 },
  { code: 12, name: 'uint32', bits: 32 },
  { code: 13, name: 'uint64', bits: 64 },
  { code: 14, name: 'complex64', bits: 64 },
  { code: 15, name: 'complex128', bits: 128 },
  { code: 16, name: 'bfloat16', bits: 16 },
  { code: 17, name: 'float8e4m3fn', bits: 8 },
  { code: 18, name: 'float8e4m3fnuz', bits: 8 },
  { code: 19, name: 'float8e5m2', bits: 8 },
  { code: 20, name: 'float8e5m2fnuz', bits: 8 },
  { code: 21, name: 'uint4', bits: 4 },
  { code: 22, name: 'int4', bits: 4 },
  { code: 23, name: 'float4e2m1', bits: 4 },
  { code: 24, name: 'float8e8m0', bits: 8 },
  { code: 25, name: 'uint2', bits: 2 },
  { code: 26, name: 'int2', bits: 2 },
];

/** The element type of a DataType value; undefined where this version of ONNX has none. */
export function findElementType(code: number): ElementType | undefined {
  return elementTypes.find((type) => type.code === code);
}

/** The element type by its name, for example `float32`; throws `unsupported`. */
export function elementTypeNamed(name: string): ElementType {
  const found = elementTypes.find((type) => type.name === name);
  if (!found) throw new QfleetError('unsupported', `ONNX has no element type "${name}".`);
  return found;
}

/** Bytes of `count` elements, sub-byte types packed; 0 for unknown types and strings. */
export function elementBytes(name: string, count: number): number {
  const bits = elementTypes.find((type) => type.name === name)?.bits ?? 0;
  return Math.ceil((count * bits) / 8);
}
