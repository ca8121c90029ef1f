import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { indexGraph } from '../onnx/graph-index.ts';
import type { TensorType } from '../onnx/shapes.ts';
import { targetOpset } from '../onnx/upgrade-opset.ts';
import { classifyOperator } from './operator-roles.ts';

/**
 * Every activation that some recipe may want the range of: float32 inputs and outputs of operators that have
 * an integer form, in graph order. One calibration then serves all recipes.
 */
export function listCalibrationTensors(model: ModelProto, types: ReadonlyMap<string, TensorType>): string[] {
  const graph = model.graph!;
  const index = indexGraph(graph);
  const tensors = new Set<string>();
  for (const node of graph.node) {
    if (classifyOperator(node, { index, types, opset: targetOpset }).kind === 'float') continue;
    for (const name of [...node.input, ...node.output]) {
      if (types.get(name)?.elementType === 'float32' && !index.initialisers.has(name)) tensors.add(name);
    }
  }
  return [...tensors];
}
