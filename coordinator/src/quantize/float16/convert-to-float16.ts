import { QfleetError } from '@qfleet/shared/errors.ts';
import type { GraphProto, ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { subgraphs } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { countConversion } from '../rewrite/count-conversion.ts';
import { requireOpset } from '../rewrite/require-opset.ts';
import { refuseQuantized } from '../static/quantize-static.ts';
import { Float16Writer } from './float16-writer.ts';
import { planFloat16 } from './plan-float16.ts';

/**
 * Weights and the operators that use them in float16; model inputs and outputs stay float32 with Casts behind
 * and before them. Nodes with subgraphs, their subgraphs, and operators outside `float16Role`'s lists stay
 * float32. Opset and IR version stay. Pure. Throws `refused` where no operator has float32 weights, is
 * quantized already or a weight is not finite, `unsupported` below opset 7.
 */
export function convertToFloat16(folded: ModelProto, types: ReadonlyMap<string, TensorType>): ConvertedModel {
  refuseQuantized(folded);
  requireOpset(folded);
  const model = copyModel(folded);
  const graph = model.graph!;
  const plan = planFloat16(graph, types);
  if (plan.constants.size === 0) throw nothingToConvert(graph);
  const counts = countConversion(graph, types, plan.nodes);
  const writer = new Float16Writer(plan, new NamePool(graph));
  writer.rewrite(graph);
  graph.valueInfo = [];
  return { model, ...counts, notes: [...subgraphNotes(graph), ...describeCounts(writer.counts)] };
}

function nothingToConvert(graph: GraphProto): QfleetError {
  const operators = [...new Set(graph.node.map((node) => node.opType))].slice(0, 12).join(', ');
  return new QfleetError(
    'refused',
    `There is nothing to make float16: no operator outside of subgraphs has float32 weights (operators: ${operators}).`,
    { hint: 'The model is small or in another format already: measure it as it is.' },
  );
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
