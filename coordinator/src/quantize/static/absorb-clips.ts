import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { hasSoleConsumer, isSeenOutside } from '../../onnx/graph-index.ts';
import type { QuantizationPlan } from './plan-quantization.ts';

/** Clipping that an activation's quantization range does from now on. */
export interface AbsorbedClip {
  /** Name under which the activation was calibrated. */
  readonly calibratedName: string;
  readonly low: number;
  readonly high: number;
}

/**
 * Takes Relu and Clip out of the graph where the uint8 range in front of them does the same: the operator
 * before them computes on integers, nothing else sees its unclipped output, nothing outside of the graph's nodes the
 * clipped one, and at most pass-through operators that commute with clipping lie between. Changes the graph in place; the activations that clip now, by
 * their new names. Symmetric ranges could not do this: their zero point is not at the bound.
 */
export function absorbClips(graph: GraphProto, plan: QuantizationPlan): Map<string, AbsorbedClip> {
  const producers = new Map(plan.index.producers);
  const byRoot = new Map<NodeProto, AbsorbedClip>();
  const absorbed = new Set<NodeProto>();
  for (const node of graph.node) {
    const role = plan.roles.get(node)!;
    const root = role.kind === 'clip' ? findRoot(node, plan, producers) : undefined;
    if (role.kind !== 'clip' || !root) continue;
    const before = byRoot.get(root);
    const source = producers.get(node.input[0]!)!;
    byRoot.set(root, {
      // Behind the clip where it can be: what is cut off there should not cost resolution.
      calibratedName: source === root ? node.output[0]! : (before?.calibratedName ?? root.output[0]!),
      low: Math.max(role.low, before?.low ?? Number.NEGATIVE_INFINITY),
      high: Math.min(role.high, before?.high ?? Number.POSITIVE_INFINITY),
    });
    source.output[0] = node.output[0]!;
    producers.set(node.output[0]!, source);
    absorbed.add(node);
  }
  graph.node = graph.node.filter((node) => !absorbed.has(node));
  return new Map([...byRoot].map(([root, clip]) => [root.output[0]!, clip]));
}

/** The integer operator whose range can clip in this node's stead. */
function findRoot(
  clip: NodeProto,
  plan: QuantizationPlan,
  producers: ReadonlyMap<string, NodeProto>,
): NodeProto | undefined {
  // Under that name the unclipped values would be found: main graph's nodes read what is behind the range instead.
  if (isSeenOutside(plan.index, clip.output[0]!)) return undefined;
  let tensor = clip.input[0]!;
  for (;;) {
    const producer = producers.get(tensor);
    if (producer?.output.length !== 1 || !hasSoleConsumer(plan.index, tensor)) return undefined;
    if (plan.computing.has(producer)) return quantizesOutput(producer, plan) ? producer : undefined;
    const role = plan.roles.get(producer)!;
    if (role.kind !== 'pass-through' || !role.commutesWithClipping) return undefined;
    tensor = producer.input[0]!;
  }
}

/** Conv's output always is an activation; Gemm's and MatMul's only where integers are wanted behind it. */
function quantizesOutput(node: NodeProto, plan: QuantizationPlan): boolean {
  const role = plan.roles.get(node)!;
  return plan.activations.has(node.output[0]!) || (role.kind === 'mac' && !role.canEndInFloat);
}
