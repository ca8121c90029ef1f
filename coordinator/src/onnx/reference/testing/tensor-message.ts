import { typedArrayFor } from '@qfleet/shared/inputs/typed-array-for.ts';
import type { TensorMessage } from '../../../ort/ort-messages.ts';
import type { Value } from '../value.ts';

/** A value as ONNX Runtime takes it; throws `unsupported` for types under 8 bits. */
export function toMessage({ elementType, dims, data }: Value): TensorMessage {
  const elements = new (typedArrayFor(elementType))(data.length);
  for (let i = 0; i < data.length; i++) elements[i] = data[i]!;
  return { elementType, dims, data: elements };
}

/** With plain arrays, to compare values whatever holds their elements. */
export function toPlain({ elementType, dims, data }: Value): Value {
  return { elementType, dims: [...dims], data: Array.from(data) };
}
