import { fromBinary } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type ModelProto, ModelProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { limitDecoding } from './limit-decoding.ts';

/** Protobuf, and with it ONNX Runtime, takes no message of 2 GiB or more. */
export const maxModelBytes = 2 ** 31 - 1;

/**
 * Bytes as an ONNX model, without looking at what the graph says. Throws `refused` for what is no ONNX
 * model: empty, a git-LFS pointer, truncated or corrupt protobuf, a message without a graph; and for one that would
 * decode into more than any network has.
 */
export function parseModel(bytes: Uint8Array): ModelProto {
  refuseKnownStrangers(bytes);
  if (!limitDecoding(bytes)) throw damaged(bytes, 'it ends in the middle of a field');
  const model = decode(bytes);
  if (model.graph && model.irVersion > 0n && model.graph.node.length > 0) return model;
  throw new QfleetError('refused', `The file is no ONNX model: ${whatIsMissing(model)}.`, {
    hint: 'Expected the .onnx file that an exporter wrote (PyTorch, tf2onnx, …): export or download it again.',
  });
}

function refuseKnownStrangers(bytes: Uint8Array): void {
  if (bytes.length === 0) {
    throw new QfleetError('refused', 'The model file is empty.', { hint: 'Export or download it again.' });
  }
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  if (start.startsWith('version https://git-lfs')) {
    throw new QfleetError('refused', 'The file is a git-LFS pointer, not the model itself.', {
      hint: 'In the repository it came from, run: git lfs pull',
    });
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(start)) {
    throw new QfleetError('refused', 'The file is a web page, not an ONNX model.', {
      hint: 'The download link led to a page: download the raw file.',
    });
  }
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    // The decoder runs over the end of a view where a file stops in mid-field.
    const what =
      cause instanceof RangeError
        ? 'it ends in the middle of a field'
        : `at one point: ${(cause as Error).message}`;
    throw damaged(bytes, what, cause);
  }
}

function damaged(bytes: Uint8Array, what: string, cause?: unknown): QfleetError {
  return new QfleetError(
    'refused',
    `The file is truncated or no ONNX model (${bytes.length} bytes; ${what}).`,
    { hint: 'Compare its size with the original, then export or download it again.', cause },
  );
}

function whatIsMissing(model: ModelProto): string {
  if (!model.graph) return 'it has no graph';
  return model.graph.node.length === 0 ? 'its graph has no operators' : 'it has no ir_version';
}
