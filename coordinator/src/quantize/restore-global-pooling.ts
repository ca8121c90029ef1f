import type { GraphProto, ModelProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, intAttribute, readInt } from '../onnx/attribute.ts';
import { indexGraph } from '../onnx/graph-index.ts';
import { NamePool } from '../onnx/name-pool.ts';
import type { TensorType } from '../onnx/shapes.ts';
import { readTensor } from '../onnx/tensor.ts';

/**
 * ReduceMean over all places of an image as GlobalAveragePool, and Flatten behind it where the axes go: what PyTorch's
 * newer exporter writes for adaptive pooling has no integer kernel, this has. Changes the model in place; true where it did.
 */
export function restoreGlobalPooling(model: ModelProto, types: ReadonlyMap<string, TensorType>): boolean {
  const graph = model.graph!;
  const isPooling = (node: NodeProto): boolean => {
    const { shape = [], elementType } = types.get(node.input[0] ?? '') ?? {};
    // Of whole numbers and float64 there is a mean, and no pooling.
    if (node.opType !== 'ReduceMean' || node.domain !== '' || elementType !== 'float32') return false;
    return poolsAll(node, shape.length, graph);
  };
  if (!graph.node.some(isPooling)) return false;
  const names = new NamePool(graph);
  graph.node = graph.node.flatMap((node) => (isPooling(node) ? asPooling(node, names) : [node]));
  return true;
}

/** Rank 3 to 5, reduced along every axis but batch and channels. */
function poolsAll(node: NodeProto, rank: number, graph: GraphProto): boolean {
  if (rank < 3 || rank > 5) return false;
  const axes = readAxes(node, graph)?.map((axis) => (axis < 0 ? axis + rank : axis));
  const wanted = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  return axes !== undefined && [...axes].sort().join() === wanted.join();
}

/** An attribute until opset 17, a constant input from 18 on. */
function readAxes(node: NodeProto, graph: GraphProto): number[] | undefined {
  const attribute = findAttribute(node, 'axes');
  if (attribute) return attribute.ints.map(Number);
  const tensor = indexGraph(graph).initialisers.get(node.input[1] ?? '');
  return tensor && Array.from(readTensor(tensor).data, Number);
}

function asPooling(node: NodeProto, names: NamePool): NodeProto[] {
  const keepsAxes = readInt(node, 'keepdims', 1) === 1;
  const pool: NodeProto = {
    ...node,
    opType: 'GlobalAveragePool',
    input: [node.input[0]!],
    output: [keepsAxes ? node.output[0]! : names.take(`${node.output[0]}_pooled`)],
    attribute: [],
  };
  if (keepsAxes) return [pool];
  const flatten: NodeProto = {
    ...pool,
    opType: 'Flatten',
    name: names.take(`${node.name}_flatten`),
    input: [...pool.output],
    output: [...node.output],
    attribute: [intAttribute('axis', 1)],
  };
  return [pool, flatten];
}
