import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type GraphProto, type ModelProto, OperatorSetIdProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { opsetOf } from '../../onnx/opset.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { targetOpset, upgradeOpset } from '../../onnx/upgrade-opset.ts';
import { walkNodes } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import type { BackendProfile } from '../profiles/backend-profile.ts';
import { findProfile } from '../profiles/find-profile.ts';
import type { StaticRecipe } from '../recipes/recipe.ts';
import { KeptOperators } from '../rewrite/kept-operators.ts';
import { type AbsorbedClip, absorbClips } from './absorb-clips.ts';
import { chooseActivationScales, listCalibratedNames, type Ranges } from './choose-activation-scales.ts';
import { countOperators, type OperatorCounts } from './count-operators.ts';
import { macOperators } from './operator-roles.ts';
import { planQuantization, type QuantizationPlan } from './plan-quantization.ts';
import { QdqEmitter } from './qdq-emitter.ts';

/** What a static recipe makes of a model, decided and not yet written. */
export interface StaticPlan {
  /** A copy of the folded model, opset raised where needed, Relu and Clip absorbed. */
  readonly model: ModelProto;
  readonly plan: QuantizationPlan;
  readonly clips: ReadonlyMap<string, AbsorbedClip>;
  readonly profile: BackendProfile;
  /** Tensors of the folded model whose ranges are needed, in graph order. */
  readonly calibratedNames: readonly string[];
  /** Those, and what would be needed beside them if other operators stayed float. */
  readonly calibratableNames: readonly string[];
  readonly counts: OperatorCounts;
  readonly notes: readonly string[];
}

/**
 * Decides what becomes integer. `keptFloat` names nodes that stay float beside those of the recipe. Throws `refused`
 * where there is nothing to quantize or it is quantized already, `unsupported` by `upgradeOpset`.
 */
export function planStatic(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  recipe: StaticRecipe,
  keptFloat: ReadonlySet<string> = new Set(),
): StaticPlan {
  refuseQuantized(folded);
  const upgraded = needsUpgrade(folded, recipe) ? upgradeOpset(folded, types) : { model: folded, types };
  const model = upgraded.model === folded ? copyModel(folded) : upgraded.model;
  const graph = model.graph!;
  const profile = findProfile(recipe.profile);
  const context = {
    types: upgraded.types,
    opset: opsetOf(model),
    profile,
    keptFloat: new Set([...keptFloat, ...listKeptFloat(graph, recipe)]),
  };
  const mayAbsorb = profile.absorbsClips && !recipe.activations.symmetric;
  const unabsorbed = planQuantization(graph, context);
  const clips = mayAbsorb ? absorbClips(graph, unabsorbed) : new Map();
  const plan = planQuantization(graph, context, clips);
  for (const tensor of clips.keys())
    assert(plan.activations.has(tensor), `nothing clips "${tensor}" any more`);
  if (plan.computing.size === 0 && keptFloat.size === 0) throw nothingToQuantize(graph, plan);
  const counts = countOperators(graph, plan, upgraded.types);
  const notes = [...upgradeNote(folded, model), ...counts.reasons, ...explainSubgraphs(graph).describe()];
  const calibratedNames = listCalibratedNames(plan, clips);
  const calibratableNames = [...new Set([...calibratedNames, ...listCalibratableNames(unabsorbed)])];
  return { model, plan, clips, profile, calibratedNames, calibratableNames, counts, notes };
}

/**
 * Writes a plan as QDQ: activations as the recipe has them, symmetric weights, int32 biases of scale s_x * s_w where
 * the profile wants integers. Pure but for the plan, which is used up: equal ranges and corrections give equal bytes.
 */
export function emitStatic(
  { model, plan, clips, profile, counts, notes }: StaticPlan,
  ranges: Ranges,
  recipe: StaticRecipe,
  biasCorrections?: ReadonlyMap<string, Float32Array>,
): ConvertedModel {
  const { activations, weights } = recipe;
  const graph = model.graph!;
  const scales = chooseActivationScales(plan, ranges, clips, activations);
  const emitter = new QdqEmitter(graph, plan, scales, {
    activations,
    weights,
    bias: profile.bias,
    biasCorrections,
  });
  emitter.rewrite();
  dropUnusedInitialisers(graph);
  graph.valueInfo = [];
  importUsedDomains(model);
  const { quantizedOperators, floatOperators } = counts;
  return { model, quantizedOperators, floatOperators, notes: [...notes, ...emitter.notes] };
}

/** Multiply-accumulate operators that a static recipe would make integer, in graph order. */
export function listMacNodes(planned: StaticPlan): string[] {
  return planned.model
    .graph!.node.filter((node) => planned.plan.computing.has(node))
    .filter((node) => planned.plan.roles.get(node)!.kind === 'mac')
    .map((node) => node.name);
}

/**
 * What may need a range where more operators stay float: then fewer compute on integers, and those that still do have
 * inputs and outputs among these, before Relu and Clip are absorbed.
 */
function listCalibratableNames({ roles, computing, activations }: QuantizationPlan): string[] {
  const inputs = [...computing].flatMap((node) => {
    const role = roles.get(node)!;
    return role.kind === 'mac' || role.kind === 'light'
      ? role.activations.map((position) => node.input[position]!)
      : [];
  });
  return [...activations, ...inputs];
}

function listKeptFloat(graph: GraphProto, { keepFloat }: StaticRecipe): string[] {
  const macs = graph.node.filter(({ opType }) => macOperators.has(opType)).map(({ name }) => name);
  refuseUnknownNodes(graph, keepFloat.nodes);
  const ofType = graph.node.filter(({ opType }) => keepFloat.operators.includes(opType));
  return [
    ...keepFloat.nodes,
    ...ofType.map(({ name }) => name),
    ...(keepFloat.first ? macs.slice(0, 1) : []),
    ...(keepFloat.last ? macs.slice(-1) : []),
  ];
}

function refuseUnknownNodes(graph: GraphProto, names: readonly string[]): void {
  const known = new Set(graph.node.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const some = [...known].slice(0, 8).join(', ');
  throw new QfleetError(
    'refused',
    `The recipe keeps nodes float that the model does not have: ${unknown.join(', ')}.`,
    {
      hint: `Names are those of the folded model (variant fp32-folded), like ${some}.`,
    },
  );
}

function importUsedDomains(model: ModelProto): void {
  const has = (domain: string): boolean => model.opsetImport.some((opset) => opset.domain === domain);
  const uses = model.graph!.node.some(({ domain }) => domain === 'com.microsoft');
  if (uses && !has('com.microsoft'))
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }));
}

/** QuantizeLinear came with opset 10, its axis with 13; MaxPool takes integers from 12 on. */
function needsUpgrade(model: ModelProto, { weights }: StaticRecipe): boolean {
  const opset = opsetOf(model);
  if (opset >= targetOpset) return false;
  const hasMaxPool = model.graph!.node.some((node) => node.opType === 'MaxPool');
  return weights.granularity === 'per-channel' || opset < 10 || (hasMaxPool && opset < 12);
}

const quantizedOperators =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|QLinear\w+|QGemm|\w+Integer|MatMulNBits)$/;

/** Throws `refused` where a model holds quantized operators already. */
export function refuseQuantized(model: ModelProto): void {
  const found = [...walkNodes(model.graph!)].filter(({ node }) => quantizedOperators.test(node.opType));
  const [first] = found;
  if (!first) return;
  throw new QfleetError(
    'refused',
    `The model is quantized already: it has ${found.length} operators like ${first.node.opType}.`,
    {
      hint: 'Add it as a variant just as it is, or quantize the float32 model that it was made from.',
    },
  );
}

/** With the reason of every multiply-accumulate operator that there is. */
function nothingToQuantize(graph: GraphProto, { roles }: QuantizationPlan): QfleetError {
  const kept = explainSubgraphs(graph);
  for (const node of graph.node) {
    const role = roles.get(node)!;
    if (macOperators.has(node.opType) && role.kind === 'float' && role.reason !== undefined)
      kept.add(node, role.reason);
  }
  const reasons = kept.describe();
  if (reasons.length > 0) {
    return new QfleetError('refused', ['There is nothing to quantize.', ...reasons].join(' '), {
      hint: 'Export the model so that these operators can be integer, or measure it as it is.',
    });
  }
  const operators = [...new Set(graph.node.map((node) => node.opType))].slice(0, 12).join(', ');
  return new QfleetError(
    'refused',
    `There is nothing to quantize: no Conv, Gemm or MatMul (operators: ${operators}).`,
    { hint: 'Recurrent and tree models stay as they are here: measure them as they are.' },
  );
}

function explainSubgraphs(graph: GraphProto): KeptOperators {
  const kept = new KeptOperators();
  for (const { node, depth } of walkNodes(graph))
    if (depth > 0 && macOperators.has(node.opType))
      kept.add(node, 'it is inside a subgraph, which static recipes leave as it is');
  return kept;
}

function upgradeNote(before: ModelProto, after: ModelProto): string[] {
  const [from, to] = [opsetOf(before), opsetOf(after)];
  return from === to ? [] : [`Opset raised from ${from} to ${to}, which quantization needs.`];
}

/** Weights that only the float model used; also in subgraphs a name may be captured, so all uses count. */
function dropUnusedInitialisers(graph: GraphProto): void {
  const used = new Set(graph.output.map((output) => output.name));
  for (const { node, graph: owner } of walkNodes(graph)) {
    for (const input of node.input) used.add(input);
    if (owner !== graph) for (const output of owner.output) used.add(output.name);
  }
  graph.initializer = graph.initializer.filter((tensor) => used.has(tensor.name));
}
