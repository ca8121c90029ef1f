import assert from 'node:assert/strict';
import { clone } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type GraphProto, type ModelProto, ModelProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { opsetOf } from '../onnx/opset.ts';
import type { TensorType } from '../onnx/shapes.ts';
import { targetOpset, upgradeOpset } from '../onnx/upgrade-opset.ts';
import { walkNodes } from '../onnx/walk-graph.ts';
import { absorbClips } from './absorb-clips.ts';
import { chooseActivationScales, type Ranges } from './choose-activation-scales.ts';
import { countOperators, type OperatorCounts } from './count-operators.ts';
import { planQuantization } from './plan-quantization.ts';
import { QdqEmitter, type QdqOptions } from './qdq-emitter.ts';

export interface QdqModel extends OperatorCounts {
  readonly model: ModelProto;
  readonly notes: readonly string[];
}

/**
 * A folded float32 model as static QDQ: uint8 asymmetric activations, int8 symmetric weights, int32 biases of
 * scale s_x * s_w (the format that fuses on x64 and ARM alike). Pure: equal ranges give equal bytes. Throws
 * `refused` where there is nothing to quantize or it is quantized already, `unsupported` by `upgradeOpset`.
 */
export function quantizeQdq(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  ranges: Ranges,
  options: QdqOptions,
): QdqModel {
  refuseQuantized(folded);
  const upgraded = needsUpgrade(folded, options) ? upgradeOpset(folded, types) : { model: folded, types };
  const quantized = upgraded.model === folded ? clone(ModelProtoSchema, folded) : upgraded.model;
  const graph = quantized.graph!;
  const context = { types: upgraded.types, opset: opsetOf(quantized) };
  const clips = absorbClips(graph, planQuantization(graph, context));
  const plan = planQuantization(graph, context, new Set(clips.keys()));
  for (const tensor of clips.keys())
    assert(plan.activations.has(tensor), `nothing clips "${tensor}" any more`);
  if (plan.computing.size === 0) throw nothingToQuantize(graph);
  const counts = countOperators(graph, plan, upgraded.types);
  const emitter = new QdqEmitter(plan, chooseActivationScales(plan, ranges, clips), options);
  emitter.rewrite(graph);
  dropUnusedInitialisers(graph);
  graph.valueInfo = [];
  return {
    model: quantized,
    ...counts,
    notes: [...upgradeNote(folded, quantized), ...counts.reasons, ...emitter.notes],
  };
}

/** QuantizeLinear came with opset 10, its axis with 13; MaxPool takes integers from 12 on. */
function needsUpgrade(model: ModelProto, options: QdqOptions): boolean {
  const opset = opsetOf(model);
  if (opset >= targetOpset) return false;
  const hasMaxPool = model.graph!.node.some((node) => node.opType === 'MaxPool');
  return options.granularity === 'per-channel' || opset < 10 || (hasMaxPool && opset < 12);
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

function nothingToQuantize(graph: GraphProto): QfleetError {
  const operators = [...new Set(graph.node.map((node) => node.opType))].slice(0, 12).join(', ');
  return new QfleetError(
    'refused',
    `There is nothing to quantize: no Conv, Gemm or MatMul with constant float32 weights (operators: ${operators}).`,
    { hint: 'Float16 models and recurrent or tree models stay as they are: measure them as they are.' },
  );
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
