import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { opsetOf } from '../../onnx/opset.ts';

/** From it on Cast names its type by number, and arithmetic broadcasts as NumPy does. */
const lowestOpset = 7;

/** Throws `unsupported` for a model whose Cast and Add have the form of before opset 7. */
export function requireOpset(model: ModelProto): void {
  const opset = opsetOf(model);
  if (opset >= lowestOpset) return;
  throw new QfleetError(
    'unsupported',
    `The model is of opset ${opset}; converting takes ${lowestOpset} and above.`,
    { hint: 'Export it with opset 13, or convert it with onnx.version_converter.' },
  );
}
