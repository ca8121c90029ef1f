import { create } from '@bufbuild/protobuf';
import { type GraphProto, GraphProtoSchema, type NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { findElementType } from '../../onnx/element-type.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { walkGraphs, walkTensors } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { listFloatOperators } from '../static/count-operators.ts';

/**
 * Counts the operators of a graph as it was before conversion: those converted, and those on float32 tensors
 * that were not. Types are known of the main graph alone, so in subgraphs only operators that read a float32
 * constant count among the latter.
 */
export function countConversion(
  before: GraphProto,
  types: ReadonlyMap<string, TensorType>,
  converted: ReadonlySet<NodeProto>,
): Pick<ConvertedModel, 'quantizedOperators' | 'floatOperators'> {
  const known = new Map([...constantTypes(before), ...types]);
  const quantizedOperators: Record<string, number> = {};
  for (const { opType } of converted) add(quantizedOperators, opType, 1);
  const floatOperators: Record<string, number> = {};
  for (const graph of walkGraphs(before)) {
    const node = graph.node.filter((candidate) => !converted.has(candidate));
    const counts = listFloatOperators(create(GraphProtoSchema, { node }), known);
    for (const [type, count] of Object.entries(counts)) add(floatOperators, type, count);
  }
  return { quantizedOperators, floatOperators };
}

function* constantTypes(main: GraphProto): Generator<[string, TensorType]> {
  for (const tensor of walkTensors(main)) {
    const elementType = findElementType(tensor.dataType)?.name ?? '';
    if (tensor.name !== '') yield [tensor.name, { elementType, shape: tensor.dims.map(Number) }];
  }
}

function add(counts: Record<string, number>, key: string, count: number): void {
  counts[key] = (counts[key] ?? 0) + count;
}
