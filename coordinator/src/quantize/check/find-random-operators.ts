import type { GraphProto } from '../../../gen/onnx/onnx_pb.js';

/** ONNX operators that draw random numbers. Dropout does in training mode alone, which an input says. */
const randomOperators: ReadonlySet<string> = new Set([
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Types of operators that draw random numbers, in a graph and its subgraphs. */
export function findRandomOperators(graph: GraphProto): string[] {
  const found = new Set<string>();
  const visit = (nodes: GraphProto['node']): void => {
    for (const { opType, input, attribute } of nodes) {
      const isTraining = opType === 'Dropout' && (input[2] ?? '') !== '';
      if (randomOperators.has(opType) || isTraining) found.add(opType);
      for (const { g, graphs } of attribute)
        for (const inner of [...(g ? [g] : []), ...graphs]) visit(inner.node);
    }
  };
  visit(graph.node);
  return [...found];
}
