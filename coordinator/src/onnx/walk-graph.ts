import type { GraphProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';

export interface VisitedNode {
  readonly node: NodeProto;
  readonly graph: GraphProto;
  /** 0 in the main graph, 1 in the branches of its `If`, `Loop` and `Scan`, and so on. */
  readonly depth: number;
}

/** Every node of a graph and of its subgraphs, outer before inner, in file order. */
export function* walkNodes(graph: GraphProto, depth = 0): Generator<VisitedNode> {
  for (const node of graph.node) {
    yield { node, graph, depth };
    for (const inner of subgraphs(node)) yield* walkNodes(inner, depth + 1);
  }
}

/** A graph and all graphs inside it. */
export function* walkGraphs(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const node of graph.node) for (const inner of subgraphs(node)) yield* walkGraphs(inner);
}

/** Every tensor stored in a graph and its subgraphs: initialisers and tensors in attributes. */
export function* walkTensors(graph: GraphProto): Generator<TensorProto> {
  for (const inner of walkGraphs(graph)) {
    yield* inner.initializer;
    for (const node of inner.node) {
      for (const attribute of node.attribute) {
        if (attribute.t) yield attribute.t;
        yield* attribute.tensors;
      }
    }
  }
}

/** The graphs that a node carries in its attributes. */
export function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap((attribute) =>
    attribute.g ? [attribute.g, ...attribute.graphs] : attribute.graphs,
  );
}

/** How people find a node: its name, or its operator and first output where it has none. */
export function describeNode(node: NodeProto): string {
  const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  return node.name === '' ? `${operator} (output "${node.output[0] ?? ''}")` : `${operator} "${node.name}"`;
}
