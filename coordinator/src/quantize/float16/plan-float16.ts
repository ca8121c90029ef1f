import type { GraphProto, NodeProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { type GraphIndex, indexGraph } from '../../onnx/graph-index.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { float16Role } from './float16-operators.ts';

/** What becomes float16 in the main graph; subgraphs stay float32. */
export interface Float16Plan {
  readonly index: GraphIndex;
  /** Nodes that read and write float16 wherever they did float32. */
  readonly nodes: ReadonlySet<NodeProto>;
  /** Float32 initialisers that such a node reads, by name. */
  readonly constants: ReadonlyMap<string, TensorProto>;
  /** Those of them that an operator multiplies by: no infinity makes sense there. */
  readonly weights: ReadonlySet<string>;
  isFloat32(tensor: string): boolean;
}

interface Context {
  readonly index: GraphIndex;
  isFloat32(tensor: string): boolean;
  /** An initialiser that no caller may override. */
  isConstant(tensor: string): boolean;
  /** An activation that float16 cannot hold. */
  overflows(tensor: string): boolean;
}

/** Decides node by node, in file order, so that an operator knows of its inputs. What `overflowing` names stays float32. */
export function planFloat16(
  graph: GraphProto,
  types: ReadonlyMap<string, TensorType>,
  overflowing: ReadonlySet<string> = new Set(),
): Float16Plan {
  const index = indexGraph(graph);
  const isFloat32 = (tensor: string): boolean => types.get(tensor)?.elementType === 'float32';
  const isConstant = (tensor: string): boolean => index.initialisers.has(tensor) && !index.inputs.has(tensor);
  const overflows = (tensor: string): boolean => overflowing.has(tensor);
  const context = { index, isFloat32, isConstant, overflows };
  const nodes = new Set<NodeProto>();
  for (const node of graph.node) if (canBeFloat16(node, nodes, context)) nodes.add(node);
  return { index, nodes, ...collectConstants(nodes, context), isFloat32 };
}

function canBeFloat16(
  node: NodeProto,
  nodes: ReadonlySet<NodeProto>,
  { index, isFloat32, isConstant, overflows }: Context,
): boolean {
  const role = float16Role(node);
  const floats = node.input.filter(isFloat32);
  if (role === 'float32' || floats.length === 0) return false;
  if ([...node.input, ...node.output].some(overflows)) return false;
  return (
    role === 'weighty' ||
    floats.every((tensor) => isConstant(tensor) || nodes.has(index.producers.get(tensor)!))
  );
}

function collectConstants(
  nodes: ReadonlySet<NodeProto>,
  { index, isFloat32, isConstant }: Context,
): Pick<Float16Plan, 'constants' | 'weights'> {
  const constants = new Map<string, TensorProto>();
  const weights = new Set<string>();
  for (const node of nodes) {
    for (const tensor of node.input.filter((name) => isFloat32(name) && isConstant(name))) {
      constants.set(tensor, index.initialisers.get(tensor)!);
      if (float16Role(node) === 'weighty') weights.add(tensor);
    }
  }
  return { constants, weights };
}
