import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { walkGraphs } from '../../onnx/walk-graph.ts';

/** Puts others in the place of nodes, in the graph and its subgraphs, in place. */
export function replaceNodes(
  main: GraphProto,
  replacements: ReadonlyMap<NodeProto, readonly NodeProto[]>,
): void {
  for (const graph of walkGraphs(main)) {
    graph.node = graph.node.flatMap((node) => replacements.get(node) ?? [node]);
  }
}
