import type { GraphProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { findAttribute } from '../../onnx/attribute.ts';

export interface Constant {
  readonly name: string;
  readonly tensor: TensorProto;
  /** The graph that holds it; what replaces it there is seen by the same nodes. */
  readonly owner: GraphProto;
}

/** The constants that the nodes of one graph can name: its own, and those of the graphs around it. */
export interface ConstantScope {
  readonly graph: GraphProto;
  /** Undefined for names of anything else, also for initialisers that a caller may override. */
  find(name: string): Constant | undefined;
}

/** The scope of a graph inside another scope, or of the main graph. Holds as the graph is when it is opened. */
export function openScope(graph: GraphProto, outer?: ConstantScope): ConstantScope {
  const own = new Map([...ownConstants(graph)].map((constant) => [constant.name, constant]));
  for (const input of graph.input) own.delete(input.name);
  return { graph, find: (name) => own.get(name) ?? outer?.find(name) };
}

function* ownConstants(owner: GraphProto): Generator<Constant> {
  for (const tensor of owner.initializer) yield { name: tensor.name, tensor, owner };
  for (const node of owner.node) {
    const tensor = node.opType === 'Constant' ? findAttribute(node, 'value')?.t : undefined;
    const [name = ''] = node.output;
    if (tensor) yield { name, tensor, owner };
  }
}
