import { create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { readElements, type TensorData, typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import { type TensorProto, TensorProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { elementTypeNamed, findElementType } from './element-type.ts';

export interface Tensor {
  readonly elementType: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/**
 * The values of an initialiser, from `raw_data` (copied, for its bytes may be unaligned) or from the typed
 * field that ONNX names for its element type. Throws `refused` where there are more or fewer values than
 * its dimensions say, `unsupported` for strings, complex numbers and types under 8 bits.
 */
export function readTensor(tensor: TensorProto): Tensor {
  const elementType = findElementType(tensor.dataType)?.name ?? `type ${tensor.dataType}`;
  const dims = tensor.dims.map(Number);
  const data =
    tensor.rawData.length > 0 ? readElements(elementType, tensor.rawData) : readFields(tensor, elementType);
  const expected = countElements(dims);
  if (data.length === expected) return { elementType, dims, data };
  throw new QfleetError(
    'refused',
    `Tensor "${tensor.name}" [${dims.join(', ')}] should have ${expected} values, it has ${data.length}.`,
    { hint: 'The model file is damaged: export or download it again.' },
  );
}

/** The values of a float32 initialiser; throws `unsupported` for any other element type. */
export function readFloats(tensor: TensorProto): Float32Array {
  const { data, elementType } = readTensor(tensor);
  if (data instanceof Float32Array) return data;
  throw new QfleetError('unsupported', `Tensor "${tensor.name}" is ${elementType}, expected float32.`);
}

/** An initialiser in `raw_data`, little-endian. */
export function createTensor(
  name: string,
  elementType: string,
  dims: readonly number[],
  data: TensorData,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementTypeNamed(elementType).code,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  });
}

/** Product of the dimensions; 1 for a scalar. */
export function countElements(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

function readFields(tensor: TensorProto, elementType: string): TensorData {
  const Elements = typedArrayFor(elementType);
  const values = fieldValues(tensor, elementType);
  const data = new Elements(values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i]!;
  return data;
}

/** Which field holds a type when `raw_data` does not: the comments of TensorProto in onnx.proto. */
function fieldValues(tensor: TensorProto, elementType: string): ArrayLike<number | bigint> {
  if (elementType === 'float32') return tensor.floatData;
  if (elementType === 'float64') return tensor.doubleData;
  if (elementType === 'int64') return tensor.int64Data;
  if (elementType === 'uint64') return tensor.uint64Data;
  if (elementType === 'uint32') return tensor.uint64Data.map(Number);
  return tensor.int32Data;
}
