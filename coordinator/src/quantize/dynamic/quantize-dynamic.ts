import { QfleetError } from '@qfleet/shared/errors.ts';
import type { GraphProto, ModelProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';
import { opsetOf } from '../../onnx/opset.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { upgradeOpset } from '../../onnx/upgrade-opset.ts';
import { walkNodes } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { countConversion } from '../rewrite/count-conversion.ts';
import { dropUnusedConstants } from '../rewrite/drop-unused-constants.ts';
import { importMicrosoftOperators } from '../rewrite/import-microsoft-operators.ts';
import { KeptOperators } from '../rewrite/kept-operators.ts';
import { replaceNodes } from '../rewrite/replace-nodes.ts';
import { refuseQuantized } from '../static/quantize-static.ts';
import { DynamicWriter } from './dynamic-writer.ts';
import { type DynamicPlan, planDynamic } from './plan-dynamic.ts';

export interface DynamicOptions {
  /** Of the weights; activations have one scale per tensor and inference. Default `per-tensor`. */
  readonly granularity?: 'per-tensor' | 'per-channel';
  /** Weights of 7 bits, for x86 without VNNI. Default false. */
  readonly reduceRange?: boolean;
}

/** DynamicQuantizeLinear came with it. */
const lowestOpset = 11;

/**
 * MatMul, Gemm and LSTM with constant weights on integers, without calibration: weights int8 symmetric,
 * activations uint8 with the scale of each inference's own range. In subgraphs too. The opset is raised only
 * where it lacks DynamicQuantizeLinear. Pure. Throws `refused` where nothing can be quantized, is quantized
 * already or a weight is not finite, `unsupported` by `upgradeOpset`.
 */
export function quantizeDynamic(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  options: DynamicOptions = {},
): ConvertedModel {
  refuseQuantized(folded);
  const needsUpgrade = hasProducts(folded) && opsetOf(folded) < lowestOpset;
  const upgraded = needsUpgrade ? upgradeOpset(folded, types) : { model: copyModel(folded), types };
  const { model } = upgraded;
  const graph = model.graph!;
  const kept = new KeptOperators();
  const plan = planDynamic(graph, kept);
  const counts = countConversion(graph, upgraded.types, new Set(plannedNodes(plan)));
  write(graph, plan, options);
  dropUnusedConstants(graph);
  graph.valueInfo = [];
  if (plan.lstms.length > 0) importMicrosoftOperators(model);
  return { model, ...counts, notes: [...upgradeNote(folded, model), ...kept.describe()] };
}

/** Before anything is upgraded: what has nothing to quantize is refused for that, and not for its opset. */
function hasProducts(folded: ModelProto): boolean {
  const kept = new KeptOperators();
  const { products, lstms } = planDynamic(folded.graph!, kept);
  if (products.length > 0 || lstms.length > 0) return products.length > 0;
  throw new QfleetError(
    'refused',
    ['There is nothing to quantize: no MatMul, Gemm or LSTM with constant weights.', ...kept.describe()].join(
      ' ',
    ),
    { hint: hintFor(folded) },
  );
}

/** Only what a static recipe would quantize is worth the advice. */
function hintFor(folded: ModelProto): string {
  const types = new Set([...walkNodes(folded.graph!)].map(({ node }) => node.opType));
  if (types.has('Conv')) return 'Choose a static int8 recipe, which quantizes convolutions.';
  return types.has('ConvTranspose')
    ? 'Choose int8-s8s8-sym where the target is TensorRT; elsewhere measure the model as it is, or fp16.'
    : 'Measure the model as it is, or try fp16.';
}

function plannedNodes({ products, lstms }: DynamicPlan): NodeProto[] {
  return [...products.map(({ product }) => product.node), ...lstms.map(({ node }) => node)];
}

function write(graph: GraphProto, { products, lstms }: DynamicPlan, options: DynamicOptions): void {
  const { granularity = 'per-tensor', reduceRange = false } = options;
  const writer = new DynamicWriter(new NamePool(graph), { granularity, reduceRange });
  const replacements = new Map<NodeProto, NodeProto[]>();
  for (const { product, graph: owner } of products)
    replacements.set(product.node, writer.replaceProduct(product, owner));
  for (const lstm of lstms) replacements.set(lstm.node, writer.replaceLstm(lstm));
  replaceNodes(graph, replacements);
}

function upgradeNote(before: ModelProto, after: ModelProto): string[] {
  const [from, to] = [opsetOf(before), opsetOf(after)];
  return from === to ? [] : [`Opset raised from ${from} to ${to}, which DynamicQuantizeLinear needs.`];
}
