import type { GraphProto } from '../../../gen/onnx/onnx_pb.js';
import { walkGraphs } from '../../onnx/walk-graph.ts';

/**
 * Takes initialisers and Constant nodes away that nothing reads any more, in the graph and its subgraphs.
 * Two branches may use one name for different tensors, so each graph is asked for its own readers only.
 */
export function dropUnusedConstants(main: GraphProto): void {
  for (const graph of walkGraphs(main)) {
    const read = new Set<string>();
    for (const inner of walkGraphs(graph)) {
      for (const output of inner.output) read.add(output.name);
      for (const node of inner.node) for (const input of node.input) read.add(input);
    }
    graph.initializer = graph.initializer.filter((tensor) => read.has(tensor.name));
    graph.node = graph.node.filter((node) => node.opType !== 'Constant' || read.has(node.output[0] ?? ''));
  }
}
