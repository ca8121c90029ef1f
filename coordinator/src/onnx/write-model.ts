import { toBinary } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type ModelProto, ModelProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { maxModelBytes } from './parse-model.ts';

/** A model as the bytes of its file; equal models give equal bytes. Throws `resource-exhausted` from 2 GiB on. */
export function writeModel(model: ModelProto): Uint8Array {
  const bytes = toBinary(ModelProtoSchema, model);
  if (bytes.length <= maxModelBytes) return bytes;
  throw new QfleetError(
    'resource-exhausted',
    `The model has ${bytes.length} bytes, at most ${maxModelBytes} work.`,
  );
}
