import { create } from '@bufbuild/protobuf';
import { type ModelProto, OperatorSetIdProtoSchema } from '../../gen/onnx/onnx_pb.js';

/** The version of ONNX's own operators that a model uses; 1 where it does not say. */
export function opsetOf(model: ModelProto): number {
  const found = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return Number(found?.version ?? 1n);
}

/** Sets the version of ONNX's own operators, leaving other domains as they are. */
export function setOpset(model: ModelProto, version: number): void {
  const others = model.opsetImport.filter(({ domain }) => domain !== '' && domain !== 'ai.onnx');
  const own = create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(version) });
  model.opsetImport = [own, ...others];
}

/**
 * The IR version that came with an opset (VERSION_TABLE of onnx/helper.py), so that every runtime
 * that knows the opset reads the file; at least 4, from which on initialisers need not be inputs.
 */
export function irVersionFor(opset: number): number {
  const found = irVersions.find(({ fromOpset }) => opset >= fromOpset);
  return found?.irVersion ?? 4;
}

const irVersions: readonly { readonly fromOpset: number; readonly irVersion: number }[] = [
  { fromOpset: 28, irVersion: 14 },
  { fromOpset: 25, irVersion: 13 },
  { fromOpset: 24, irVersion: 12 },
  { fromOpset: 23, irVersion: 11 },
  { fromOpset: 21, irVersion: 10 },
  { fromOpset: 19, irVersion: 9 },
  { fromOpset: 15, irVersion: 8 },
  { fromOpset: 12, irVersion: 7 },
  { fromOpset: 11, irVersion: 6 },
  { fromOpset: 10, irVersion: 5 },
  { fromOpset: 9, irVersion: 4 },
];
