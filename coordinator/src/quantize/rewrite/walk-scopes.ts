import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { subgraphs } from '../../onnx/walk-graph.ts';
import { type ConstantScope, openScope } from './constant-scope.ts';

/** Every node of a graph and its subgraphs with the constants that it sees, in file order. */
export function* walkScopes(
  graph: GraphProto,
  outer?: ConstantScope,
): Generator<{ readonly node: NodeProto; readonly scope: ConstantScope }> {
  const scope = openScope(graph, outer);
  for (const node of graph.node) {
    yield { node, scope };
    for (const inner of subgraphs(node)) yield* walkScopes(inner, scope);
  }
}
