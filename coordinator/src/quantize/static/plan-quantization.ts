import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { type GraphIndex, hasSoleConsumer, indexGraph } from '../../onnx/graph-index.ts';
import { subgraphs } from '../../onnx/walk-graph.ts';
import type { BackendProfile } from '../profiles/backend-profile.ts';
import type { AbsorbedClip } from './absorb-clips.ts';
import { classifyOperator, type OperatorRole, type RoleContext } from './operator-roles.ts';

/** What becomes integer in one graph. */
export interface QuantizationPlan {
  readonly index: GraphIndex;
  readonly roles: ReadonlyMap<NodeProto, OperatorRole>;
  /** `mac` and `light` operators that compute on integers. */
  readonly computing: ReadonlySet<NodeProto>;
  /** `pass-through` operators whose input and output are integers. */
  readonly passing: ReadonlySet<NodeProto>;
  /** Activations that get a quantize and a dequantize step, in graph order. */
  readonly activations: ReadonlySet<string>;
  /** Each activation's representative: activations with the same one share scale and zero point. */
  readonly groups: ReadonlyMap<string, string>;
}

export interface PlanContext extends Omit<RoleContext, 'index'> {
  readonly profile: BackendProfile;
}

/**
 * Decides what becomes integer. Multiply-accumulate operators with constant weights always do; light ones
 * (Add, pooling, …) where integers come in and a multiply-accumulate operator takes what goes out, so that
 * pre- and post-processing keeps its precision; pass-through ones behind an integer activation. Graph
 * outputs stay float, and so does what Gemm and MatMul hand to float operators, unless `clips` names it:
 * activations whose range does the work of an absorbed Relu or Clip. A profile that places steps at inputs alone
 * quantizes no output for its own sake, and leaves the convolution that a residual addition can be fused with.
 */
export function planQuantization(
  graph: GraphProto,
  context: PlanContext,
  clips: ReadonlyMap<string, AbsorbedClip> = new Map(),
): QuantizationPlan {
  const index = indexGraph(graph);
  const roles = new Map(graph.node.map((node) => [node, classifyOperator(node, { ...context, index })]));
  const wanted = findWanted(graph, roles);
  const computing = findComputing(graph, { roles, wanted, index });
  const { placement } = context.profile;
  const findings = { roles, wanted: new Set([...wanted, ...clips.keys()]), index, computing };
  const activations =
    placement === 'around' ? findActivations(graph, findings) : findQuantizedInputs(graph, findings);
  const groups = new Map([...activations].map((tensor) => [tensor, tensor]));
  const passing =
    placement === 'around'
      ? joinPassThrough(graph, { roles, index, activations, groups })
      : new Set<NodeProto>();
  const plan = { index, roles, computing, passing, activations, groups };
  joinConcatInputs(graph, plan, clips);
  return plan;
}

/** Follows representatives to the last one. */
export function findGroup(groups: ReadonlyMap<string, string>, tensor: string): string {
  let root = tensor;
  for (let next = groups.get(root); next !== undefined && next !== root; next = groups.get(root)) root = next;
  return root;
}

/** Tensors that reach a multiply-accumulate operator through operators that can keep them integer. */
function findWanted(graph: GraphProto, roles: ReadonlyMap<NodeProto, OperatorRole>): Set<string> {
  const wanted = new Set<string>();
  for (const node of graph.node.toReversed()) {
    const role = roles.get(node)!;
    const isOutputWanted = node.output.some((output) => wanted.has(output));
    if (role.kind === 'mac' || (role.kind === 'light' && isOutputWanted)) {
      for (const position of role.activations) wanted.add(node.input[position]!);
    }
    if ((role.kind === 'pass-through' || role.kind === 'clip') && isOutputWanted) wanted.add(node.input[0]!);
  }
  return wanted;
}

interface Findings {
  readonly roles: ReadonlyMap<NodeProto, OperatorRole>;
  readonly index: GraphIndex;
  readonly wanted: ReadonlySet<string>;
}

function findComputing(graph: GraphProto, { roles, wanted, index }: Findings): Set<NodeProto> {
  const computing = new Set<NodeProto>();
  const integers = new Set<string>();
  for (const node of graph.node) {
    const role = roles.get(node)!;
    if (!computes(node, role, { wanted, index, integers })) continue;
    if (role.kind === 'mac' || role.kind === 'light') computing.add(node);
    for (const output of node.output) integers.add(output);
  }
  return computing;
}

function computes(
  node: NodeProto,
  role: OperatorRole,
  {
    wanted,
    index,
    integers,
  }: Pick<Findings, 'wanted' | 'index'> & { readonly integers: ReadonlySet<string> },
): boolean {
  if (role.kind === 'mac') return true;
  if (role.kind === 'float') return false;
  if (role.kind !== 'light') return integers.has(node.input[0]!);
  const isFed = role.activations.some((position) => integers.has(node.input[position]!));
  return isFed && wanted.has(node.output[0]!) && !index.outputs.has(node.output[0]!);
}

function findActivations(
  graph: GraphProto,
  { roles, wanted, index, computing }: Findings & { readonly computing: ReadonlySet<NodeProto> },
): Set<string> {
  const activations = new Set<string>();
  for (const node of graph.node) {
    const role = roles.get(node)!;
    if (!computing.has(node) || (role.kind !== 'mac' && role.kind !== 'light')) continue;
    for (const position of role.activations) activations.add(node.input[position]!);
    const output = node.output[0]!;
    const mayStayFloat = role.kind === 'mac' && role.canEndInFloat && !wanted.has(output);
    if (!mayStayFloat && !index.outputs.has(output)) activations.add(output);
  }
  return activations;
}

/** What goes into multiply-accumulate operators, and into light ones unless it comes from one that fuses with them. */
function findQuantizedInputs(
  graph: GraphProto,
  { roles, index, computing }: Findings & { readonly computing: ReadonlySet<NodeProto> },
): Set<string> {
  const activations = new Set<string>();
  const fuses = (tensor: string): boolean => {
    const producer = index.producers.get(tensor);
    return producer !== undefined && roles.get(producer)?.kind === 'mac' && hasSoleConsumer(index, tensor);
  };
  for (const node of graph.node) {
    const role = roles.get(node)!;
    if (!computing.has(node) || (role.kind !== 'mac' && role.kind !== 'light')) continue;
    const inputs = role.activations.map((position) => node.input[position]!);
    const isFused = role.kind === 'light' && inputs.length > 1 && inputs.some(fuses);
    for (const input of inputs) if (!isFused || !fuses(input)) activations.add(input);
  }
  return activations;
}

/** Outputs of pass-through operators behind an integer activation become activations of its group. */
function joinPassThrough(
  graph: GraphProto,
  plan: Pick<QuantizationPlan, 'roles' | 'index'> & {
    readonly activations: Set<string>;
    readonly groups: Map<string, string>;
  },
): Set<NodeProto> {
  const passing = new Set<NodeProto>();
  for (const node of graph.node) {
    const input = node.input[0] ?? '';
    if (plan.roles.get(node)!.kind !== 'pass-through' || !plan.activations.has(input)) continue;
    const outputs = node.output.filter((output) => output !== '');
    if (outputs.some((output) => plan.index.outputs.has(output))) continue;
    passing.add(node);
    for (const output of outputs) {
      plan.activations.add(output);
      plan.groups.set(output, findGroup(plan.groups, input));
    }
  }
  return passing;
}

/**
 * An input of Concat that goes nowhere else takes the output's scale, so that joining is copying; the values
 * lose nothing, for Concat would round them to that scale anyhow. An input whose range does the work of an absorbed
 * Relu or Clip keeps it, unless the others clip just so: in a wider range it would no longer clip.
 */
function joinConcatInputs(
  graph: GraphProto,
  plan: QuantizationPlan & { readonly groups: ReadonlyMap<string, string> },
  clips: ReadonlyMap<string, AbsorbedClip>,
): void {
  const groups = plan.groups as Map<string, string>;
  const boundsOf = (tensor: string): string => {
    const group = findGroup(groups, tensor);
    const members = [...clips].filter(([clipped]) => findGroup(groups, clipped) === group);
    return [...new Set(members.map(([, { low, high }]) => `${low} to ${high}`))].join() || 'none';
  };
  for (const node of graph.node) {
    if (node.opType !== 'Concat' || !plan.computing.has(node)) continue;
    const output = node.output[0]!;
    const bounds = new Map(node.input.map((input) => [input, boundsOf(input)]));
    const isUniform = new Set(bounds.values()).size === 1;
    for (const input of node.input) {
      if (!plan.activations.has(input) || !goesNowhereElse(input, plan)) continue;
      if (!isUniform && bounds.get(input) !== 'none') continue;
      const [from, to] = [findGroup(groups, input), findGroup(groups, output)];
      if (from !== to) groups.set(from, to);
    }
  }
}

/** The tensor and, through pass-through operators, what it was made of have one consumer each. */
function goesNowhereElse(tensor: string, plan: QuantizationPlan): boolean {
  if (!hasSoleConsumer(plan.index, tensor)) return false;
  const producer = plan.index.producers.get(tensor);
  if (!producer || subgraphs(producer).length > 0) return false;
  if (!plan.passing.has(producer)) return true;
  return producer.output.length === 1 && goesNowhereElse(producer.input[0]!, plan);
}
