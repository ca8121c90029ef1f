import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import type { TensorType } from '../../onnx/shapes.ts';
import { describeNode } from '../../onnx/walk-graph.ts';
import type { QuantizationPlan } from './plan-quantization.ts';

export interface OperatorCounts {
  /** By type; integer in the file, so that a runtime can fuse them. */
  readonly quantizedOperators: Record<string, number>;
  /** By type; operators on float32 tensors that stay so. Shape arithmetic is not counted. */
  readonly floatOperators: Record<string, number>;
  /** Why operators that could be integer are not, or only in part. */
  readonly reasons: readonly string[];
}

const maxReasons = 12;

/** Counts the operators of the main graph, Relu and Clip absorbed before, quantize steps not yet there. */
export function countOperators(
  graph: GraphProto,
  plan: QuantizationPlan,
  types: ReadonlyMap<string, TensorType>,
): OperatorCounts {
  const quantizedOperators: Record<string, number> = {};
  const floatOperators: Record<string, number> = {};
  for (const node of graph.node) {
    const isInteger = plan.computing.has(node) || plan.passing.has(node);
    if (isInteger) increment(quantizedOperators, node.opType);
    else if (isFloatOperator(node, types)) increment(floatOperators, node.opType);
  }
  const reasons = graph.node.flatMap((node) => explain(node, plan));
  const more = reasons.length - maxReasons;
  return {
    quantizedOperators,
    floatOperators,
    reasons: more > 0 ? [...reasons.slice(0, maxReasons), `… and ${more} more operators.`] : reasons,
  };
}

/** Operators on float32 tensors of a graph with nothing quantized, by type. */
export function listFloatOperators(
  graph: GraphProto,
  types: ReadonlyMap<string, TensorType>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const node of graph.node) if (isFloatOperator(node, types)) increment(counts, node.opType);
  return counts;
}

function isFloatOperator(node: NodeProto, types: ReadonlyMap<string, TensorType>): boolean {
  if (node.opType === 'Constant' || node.opType === 'Shape') return false;
  return [...node.input, ...node.output].some((name) => types.get(name)?.elementType === 'float32');
}

function explain(node: NodeProto, plan: QuantizationPlan): string[] {
  const role = plan.roles.get(node)!;
  if (role.kind === 'float' && role.reason !== undefined)
    return [`${describeNode(node)} stays float: ${role.reason}.`];
  const isOutput = plan.computing.has(node) && plan.index.outputs.has(node.output[0]!);
  if (isOutput && role.kind === 'mac' && !role.canEndInFloat) {
    return [`${describeNode(node)} has int8 weights but computes in float: its output is a model output.`];
  }
  return [];
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
