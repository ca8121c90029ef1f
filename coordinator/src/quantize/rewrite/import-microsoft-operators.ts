import { create } from '@bufbuild/protobuf';
import { type ModelProto, OperatorSetIdProtoSchema } from '../../../gen/onnx/onnx_pb.js';

/** ONNX Runtime's own operators; each of its builds has them. */
export const microsoftDomain = 'com.microsoft';

/** Declares that a model uses ONNX Runtime's own operators, which have been version 1 since there are any. */
export function importMicrosoftOperators(model: ModelProto): void {
  if (model.opsetImport.some(({ domain }) => domain === microsoftDomain)) return;
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: microsoftDomain, version: 1n }));
}
