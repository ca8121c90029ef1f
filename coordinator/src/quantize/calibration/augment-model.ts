import { create } from '@bufbuild/protobuf';
import { type ModelProto, NodeProtoSchema, ValueInfoProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../onnx/attribute.ts';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';

/** ReduceMin and ReduceMax may skip a NaN; a sum does not, but it may overflow over finite values. */
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

/**
 * The model with Σ(x - x) of each tensor as its only outputs, and their names: 0 where all values are finite, NaN where
 * one is not.
 */
export function withFiniteChecks(
  model: ModelProto,
  tensors: readonly string[],
): { readonly model: ModelProto; readonly names: readonly string[] } {
  const checked = copyModel(model);
  const graph = checked.graph!;
  const pool = new NamePool(graph);
  const names = tensors.map((tensor) => {
    const nothing = pool.take(`${tensor}_qfleet_nothing`);
    const sum = pool.take(`${tensor}_qfleet_sum`);
    graph.node.push(
      create(NodeProtoSchema, { opType: 'Sub', name: nothing, input: [tensor, tensor], output: [nothing] }),
      create(NodeProtoSchema, {
        opType: 'ReduceSum',
        name: sum,
        input: [nothing],
        output: [sum],
        attribute: [intAttribute('keepdims', 0)],
      }),
    );
    return sum;
  });
  graph.output = names.map((name) => create(ValueInfoProtoSchema, { name }));
  return { model: checked, names };
}

/** The model with these tensors as its only outputs; their types are left to ONNX Runtime to find. */
export function withOutputs(model: ModelProto, tensors: readonly string[]): ModelProto {
  const exposed = copyModel(model);
  exposed.graph!.output = tensors.map((name) => create(ValueInfoProtoSchema, { name }));
  return exposed;
}
