import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { inspectModel } from '../onnx/inspect-model.ts';
import { listLayers } from '../onnx/list-layers.ts';
import type { Model } from './artefacts.ts';

/**
 * The work of one inference and its layers. ONNX Runtime has loaded the model by now: where its shapes cannot be
 * told all the same, it goes without, and `onNote` hears why. Throws `cancelled`.
 */
export async function countWork(
  model: ModelProto,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly tempDir?: string | undefined;
    readonly onNote?: (text: string) => void;
  },
): Promise<Pick<Model, 'macs' | 'layers'>> {
  try {
    const { macs, costs } = await inspectModel(model, { signal: options.signal, tempDir: options.tempDir });
    return { ...(macs !== undefined && { macs }), layers: listLayers(model, costs) };
  } catch (error) {
    const { code, message } = QfleetError.from(error);
    if (code === 'cancelled') throw error;
    options.onNote?.(`Multiply-accumulates are not known: ${message}`);
    return {};
  }
}
