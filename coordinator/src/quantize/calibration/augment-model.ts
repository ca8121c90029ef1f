import { create } from '@bufbuild/protobuf';
import { type ModelProto, NodeProtoSchema, ValueInfoProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';

/** ReduceMin and ReduceMax may skip a NaN; a sum does not. */
const statistics = [
  { opType: 'ReduceMin', suffix: '_qfleet_low' },
  { opType: 'ReduceMax', suffix: '_qfleet_high' },
  { opType: 'ReduceSum', suffix: '_qfleet_sum' },
] as const;

/** Outputs per tensor of `withReductions`: smallest, largest, sum. */
export const reductionsPerTensor = statistics.length;

/**
 * The model with the smallest, largest and summed value of each tensor as its only outputs, in that order, and
 * their names: three numbers per tensor leave ONNX Runtime.
 */
export function withReductions(
  model: ModelProto,
  tensors: readonly string[],
): { readonly model: ModelProto; readonly names: readonly string[] } {
  const augmented = copyModel(model);
  const graph = augmented.graph!;
  const pool = new NamePool(graph);
  const names: string[] = [];
  for (const tensor of tensors) {
    for (const { opType, suffix } of statistics) {
      const name = pool.take(tensor + suffix);
      names.push(name);
      graph.node.push(
        create(NodeProtoSchema, {
          opType,
          name,
          input: [tensor],
          output: [name],
          attribute: [intAttribute('keepdims', 0)],
        }),
      );
    }
  }
  graph.output = names.map((name) => create(ValueInfoProtoSchema, { name }));
  return { model: augmented, names };
}

/** The model with these tensors as its only outputs; their types are left to ONNX Runtime to find. */
export function withOutputs(model: ModelProto, tensors: readonly string[]): ModelProto {
  const exposed = copyModel(model);
  exposed.graph!.output = tensors.map((name) => create(ValueInfoProtoSchema, { name }));
  return exposed;
}
