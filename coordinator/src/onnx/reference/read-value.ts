import { QfleetError } from '@qfleet/shared/errors.ts';
import type { TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { findElementType } from '../element-type.ts';
import { countElements, readTensor } from '../tensor.ts';
import { decodeHalf } from './half.ts';
import { createValue, type Value } from './value.ts';

/**
 * The elements of a TensorProto as numbers, whatever their type up to 32 bits. int4 and uint4 come two to a
 * byte, the first in the low nibble ("packed 4-bit" in onnx.proto), in `raw_data` or in the low byte of each
 * element of `int32_data`; with an odd count the last high nibble is padding. Throws `unsupported`, naming the
 * type, for strings, 64-bit integers and the float8, float4 and 2-bit types; else as `readTensor`.
 */
export function readValue(tensor: TensorProto): Value {
  const elementType = findElementType(tensor.dataType)?.name ?? `type ${tensor.dataType}`;
  const dims = tensor.dims.map(Number);
  if (elementType === 'int4' || elementType === 'uint4') {
    return createValue(elementType, dims, readNibbles(tensor, elementType === 'int4', countElements(dims)));
  }
  const { data } = readTensor(tensor);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    throw new QfleetError(
      'unsupported',
      `Tensor "${tensor.name}" is ${elementType}, expected 32 bits at most.`,
    );
  }
  return createValue(
    elementType,
    dims,
    elementType === 'float16' ? Float32Array.from(data, decodeHalf) : data,
  );
}

function readNibbles(tensor: TensorProto, isSigned: boolean, count: number): Int8Array {
  const bytes = tensor.rawData.length > 0 ? tensor.rawData : Uint8Array.from(tensor.int32Data);
  if (bytes.length !== Math.ceil(count / 2)) {
    throw new QfleetError(
      'refused',
      `Tensor "${tensor.name}" needs ${Math.ceil(count / 2)} bytes of packed nibbles, it has ${bytes.length}.`,
      { hint: 'The model file is damaged: export or download it again.' },
    );
  }
  return Int8Array.from({ length: count }, (_, i) => {
    const nibble = i % 2 === 0 ? bytes[i >> 1]! & 0xf : bytes[i >> 1]! >>> 4;
    return isSigned && nibble > 7 ? nibble - 16 : nibble;
  });
}
