import { QfleetError } from '@qfleet/shared/errors.ts';
import type { GraphProto, ModelProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { describeNode, subgraphs, walkNodes, walkTensors } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { countConversion } from '../rewrite/count-conversion.ts';
import { KeptOperators } from '../rewrite/kept-operators.ts';
import { requireOpset } from '../rewrite/require-opset.ts';
import { refuseQuantized } from '../static/quantize-static.ts';
import { largestFloat16, type Overflows } from './find-overflows.ts';
import { Float16Writer } from './float16-writer.ts';
import { type Float16Plan, planFloat16 } from './plan-float16.ts';

/**
 * Weights and the operators that use them in float16; model inputs and outputs stay float32 with Casts behind
 * and before them. Nodes with subgraphs, their subgraphs, and operators outside `float16Role`'s lists stay
 * float32, and so does what reads or writes a tensor of `overflows` (undefined: nobody has looked). Opset and IR version
 * stay. Pure. Throws `refused` where no operator has float32 weights, is
 * quantized already or a weight is not finite, `unsupported` below opset 7.
 */
export function convertToFloat16(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  overflows?: Overflows,
): ConvertedModel {
  refuseQuantized(folded);
  requireOpset(folded);
  const model = copyModel(folded);
  const graph = model.graph!;
  const plan = planFloat16(graph, types, new Set(overflows?.keys()));
  const overflowNotes = describeOverflows(graph, planFloat16(graph, types), plan, overflows);
  if (plan.constants.size === 0) throw nothingToConvert(graph, plan, overflowNotes);
  const counts = countConversion(graph, types, plan.nodes);
  const writer = new Float16Writer(plan, new NamePool(graph));
  writer.rewrite(graph);
  graph.valueInfo = [];
  const notes = [...subgraphNotes(graph), ...overflowNotes, ...describeCounts(writer.counts)];
  return { model, ...counts, notes };
}

/** With the reason of every operator that holds float32 weights. */
/** Operators that could be float16 but for the size of what they read or write, and how many only follow them. */
function describeOverflows(
  graph: GraphProto,
  wanted: Float16Plan,
  { nodes }: Float16Plan,
  overflows: Overflows | undefined,
): string[] {
  if (!overflows) return [];
  const kept = graph.node.filter((node) => wanted.nodes.has(node) && !nodes.has(node));
  const lines = kept.flatMap((node) => {
    const tensor = [...node.output, ...node.input].find((name) => overflows.has(name));
    return tensor === undefined
      ? []
      : [`${describeNode(node)} stays float32: "${tensor}" reaches ${describeSize(overflows.get(tensor)!)}.`];
  });
  const followers = kept.length - lines.length;
  const more = lines.length - maxLines;
  return [
    ...lines.slice(0, maxLines),
    ...(more > 0 ? [`… and ${more} more operators.`] : []),
    ...(followers > 0 ? [`${followers} operators that follow these stay float32 too.`] : []),
  ];
}

const maxLines = 12;

function describeSize(magnitude: number): string {
  if (!Number.isFinite(magnitude)) return 'an infinity or NaN in float32 already';
  return `${magnitude.toPrecision(3)} on the calibration inputs, float16 ends at ${largestFloat16}`;
}

function nothingToConvert(
  graph: GraphProto,
  { index, nodes }: Float16Plan,
  overflowNotes: readonly string[],
): QfleetError {
  const kept = new KeptOperators();
  const constants = new Set([...walkTensors(graph)].filter(holdsWeights).map(({ name }) => name));
  for (const { node, depth } of walkNodes(graph)) {
    const hasWeights = node.input.some((name) => constants.has(name) && !index.inputs.has(name));
    if (depth > 0 && hasWeights) kept.add(node, 'it is inside a subgraph, which stays as it is');
    else if (hasWeights)
      kept.add(node, 'runtimes lack a float16 form of it, or it leaves the range of float16');
    else if (nodes.has(node)) kept.add(node, 'its weights are not constant float32');
  }
  const operators = [...new Set(graph.node.map((node) => node.opType))].slice(0, 12).join(', ');
  const overflowing = overflowNotes.filter((note) => note.includes('stays float32'));
  const reasons = overflowing.length > 0 ? overflowing : kept.describe('float32');
  const message =
    reasons.length > 0
      ? ['There is nothing to make float16.', ...reasons].join(' ')
      : `There is nothing to make float16: no operator has float32 weights (operators: ${operators}).`;
  return new QfleetError('refused', message, {
    hint: 'The model is small or in another format already: measure it as it is.',
  });
}

/** TensorProto.FLOAT; a scalar is no weight. */
function holdsWeights({ dataType, dims }: TensorProto): boolean {
  return dataType === 1 && dims.reduce((product, size) => product * size, 1n) > 1n;
}

function subgraphNotes(graph: GraphProto): string[] {
  const types = new Set(graph.node.filter((node) => subgraphs(node).length > 0).map((node) => node.opType));
  return [...types].map((type) => `${type} and what is inside stays float32.`);
}

function describeCounts({ values, clipped, flushed, raised }: Float16Writer['counts']): string[] {
  const all = [
    { count: clipped, what: 'beyond ±65504, and were clipped to it' },
    { count: flushed, what: 'too near to 0 for float16 (at most 2^-25), and became 0' },
    { count: raised, what: 'scalars too near to 0 for float16, and became ±2^-24' },
  ];
  return all
    .filter(({ count }) => count > 0)
    .map(({ count, what }) => `Of ${values} constants ${count} are ${what}.`);
}
