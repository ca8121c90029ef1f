import type { ModelProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import type { Layer } from '../artefacts/artefacts.ts';
import { readInt } from './attribute.ts';
import type { OperatorCost } from './operator-table.ts';

/**
 * The layers that multiply and accumulate, with the weights that each reads: its largest initializer, biases and
 * scales left out. A layer without a name goes by its output's.
 */
export function listLayers(model: ModelProto, costs: readonly OperatorCost[]): Layer[] {
  const { node: nodes, initializer } = model.graph!;
  const elements = new Map(
    initializer.map(({ name, dims }) => [name, dims.reduce((product, size) => product * Number(size), 1)]),
  );
  // In quantized files the weights stand behind a DequantizeLinear.
  for (const { opType, input, output } of nodes) {
    const count = opType === 'DequantizeLinear' ? elements.get(input[0] ?? '') : undefined;
    if (count !== undefined && output[0]) elements.set(output[0], count);
  }
  const readers = Map.groupBy(
    nodes.flatMap((node) => node.input.map((name) => ({ name, node }))),
    ({ name }) => name,
  );
  return nodes.flatMap((node, index) => {
    const macs = costs[index]?.macs;
    const name = node.name || node.output[0];
    if (!macs || !name) return [];
    const weights =
      node.opType === 'MatMulNBits'
        ? readInt(node, 'K', 0) * readInt(node, 'N', 0)
        : Math.max(0, ...node.input.map((name) => elements.get(name) ?? 0));
    const aliases = listAliases(node, (output) => readers.get(output)?.map((reader) => reader.node) ?? []);
    return [{ name, aliases, operator: node.opType, macs, weights }];
  });
}

/** What runtimes fuse into the layer in front of it. */
const fusedTypes = /^(BatchNormalization|Relu|Clip|Add|LeakyRelu|Sigmoid|HardSigmoid|Tanh|HardSwish)$/;

/**
 * Names under which a runtime may execute the layer: ONNX Runtime's blocked layout names it by its output, after a
 * fusion by that of the last operator that was taken in.
 */
function listAliases(node: NodeProto, readersOf: (output: string) => readonly NodeProto[]): string[] {
  const aliases: string[] = [];
  let [output, readers] = [node.output[0], readersOf(node.output[0] ?? '')];
  while (output) {
    aliases.push(output);
    const [reader] = readers;
    if (readers.length !== 1 || !reader || !fusedTypes.test(reader.opType)) break;
    output = reader.output[0];
    readers = readersOf(output ?? '');
  }
  return aliases;
}
