import { QfleetError } from '@qfleet/shared/errors.ts';
import type { TensorInfo } from '../artefacts/artefacts.ts';
import { OrtChild, type OrtChildOptions } from './ort-child.ts';
import type { ValueMetadata } from './ort-messages.ts';

export interface ModelSignature {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/**
 * Loads a model in a child process, with all of ONNX Runtime's optimisations as a device would; its real
 * inputs and outputs. Throws `refused` with ONNX Runtime's reason, `crashed`, `timeout`, `resource-exhausted`.
 */
export async function checkModel(path: string, options: OrtChildOptions = {}): Promise<ModelSignature> {
  await using child = OrtChild.take(options);
  const { inputs, outputs } = await child.open({ path, optimisation: 'all' });
  return {
    inputs: inputs.map((value) => toTensorInfo(value, 'input')),
    outputs: outputs.map((value) => toTensorInfo(value, 'output')),
  };
}

function toTensorInfo(value: ValueMetadata, role: string): TensorInfo {
  if (!value.isTensor) {
    throw new QfleetError(
      'refused',
      `Model ${role} "${value.name}" is a sequence or map, expected a tensor.`,
      {
        hint: 'Export without it; for classifiers of scikit-learn or CoreML turn ZipMap off.',
      },
    );
  }
  return { name: value.name, elementType: value.elementType, shape: [...value.shape] };
}
