import { refused } from '../refused.ts';

/** An element type of arrays, as NumPy names it and as qfleet stores it. */
export interface ArrayType {
  /** As stored. */
  readonly elementType: string;
  /** In the file. */
  readonly sizeBytes: number;
  /** One element as a number; int64 beyond 2^53 loses digits. */
  readonly read: (bytes: Buffer, at: number) => number;
  /** Set where the file's elements are stored as float32. */
  readonly toFloat32?: true;
}

const arrayTypes: Record<string, ArrayType> = {
  '|b1': { elementType: 'uint8', sizeBytes: 1, read: (bytes, at) => bytes.readUInt8(at) },
  '|u1': { elementType: 'uint8', sizeBytes: 1, read: (bytes, at) => bytes.readUInt8(at) },
  '|i1': { elementType: 'int8', sizeBytes: 1, read: (bytes, at) => bytes.readInt8(at) },
  '<u2': { elementType: 'uint16', sizeBytes: 2, read: (bytes, at) => bytes.readUInt16LE(at) },
  '<i2': { elementType: 'int16', sizeBytes: 2, read: (bytes, at) => bytes.readInt16LE(at) },
  '<u4': { elementType: 'uint32', sizeBytes: 4, read: (bytes, at) => bytes.readUInt32LE(at) },
  '<i4': { elementType: 'int32', sizeBytes: 4, read: (bytes, at) => bytes.readInt32LE(at) },
  '<i8': { elementType: 'int64', sizeBytes: 8, read: (bytes, at) => Number(bytes.readBigInt64LE(at)) },
  '<u8': { elementType: 'uint64', sizeBytes: 8, read: (bytes, at) => Number(bytes.readBigUInt64LE(at)) },
  '<f2': { elementType: 'float32', sizeBytes: 2, read: readFloat16, toFloat32: true },
  '<f4': { elementType: 'float32', sizeBytes: 4, read: (bytes, at) => bytes.readFloatLE(at) },
  '<f8': {
    elementType: 'float32',
    sizeBytes: 8,
    read: (bytes, at) => bytes.readDoubleLE(at),
    toFloat32: true,
  },
};

/** The type that NumPy calls `descr` (`<f4`, `|u1`, …); throws `refused` for others, big-endian ones included. */
export function arrayTypeOf(descr: string, what: string): ArrayType {
  const type = arrayTypes[descr];
  if (type) return type;
  const hint = descr.startsWith('>')
    ? `Save it little-endian: numpy.save(path, x.astype('<${descr.slice(1)}'))`
    : 'Save it as one of those, for example: numpy.save(path, x.astype("float32"))';
  throw refused(
    `${what} has elements of type ${descr}; expected ${Object.keys(arrayTypes).join(', ')}.`,
    hint,
  );
}

/** Elements as stored: converted to float32 where the type asks for it, else the same bytes. */
export function storedElements(type: ArrayType, bytes: Buffer): Buffer {
  if (!type.toFloat32) return bytes;
  const values = new Float32Array(bytes.length / type.sizeBytes);
  for (let i = 0; i < values.length; i++) values[i] = type.read(bytes, i * type.sizeBytes);
  return Buffer.from(values.buffer);
}

/** IEEE 754 binary16. */
function readFloat16(bytes: Buffer, at: number): number {
  const bits = bytes.readUInt16LE(at);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
