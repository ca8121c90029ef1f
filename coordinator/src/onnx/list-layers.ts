import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import type { Model } from '../artefacts/artefacts.ts';
import type { OperatorCost } from './operator-table.ts';

type Layer = NonNullable<Model['layers']>[number];

/**
 * The layers that multiply and accumulate, with the weights that each reads: its largest initializer, biases and
 * scales left out. Layers without a name are left out too, since nothing could be matched with them.
 */
export function listLayers(model: ModelProto, costs: readonly OperatorCost[]): Layer[] {
  const { node: nodes, initializer } = model.graph!;
  const elements = new Map(
    initializer.map(({ name, dims }) => [name, dims.reduce((product, size) => product * Number(size), 1)]),
  );
  return nodes.flatMap((node, index) => {
    const macs = costs[index]?.macs;
    if (!macs || node.name === '') return [];
    const weights = Math.max(0, ...node.input.map((name) => elements.get(name) ?? 0));
    return [{ name: node.name, operator: node.opType, macs, weights }];
  });
}
