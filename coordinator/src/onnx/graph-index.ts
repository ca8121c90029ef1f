import type { GraphProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { subgraphs, walkGraphs } from './walk-graph.ts';

/** Who makes and who takes each tensor of one graph; a snapshot, to be made anew after changes. */
export interface GraphIndex {
  readonly producers: ReadonlyMap<string, NodeProto>;
  /** Nodes of this graph, one entry for each input that takes the tensor. */
  readonly consumers: ReadonlyMap<string, readonly NodeProto[]>;
  readonly initialisers: ReadonlyMap<string, TensorProto>;
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  /** Tensors that a subgraph takes from this graph. */
  readonly captured: ReadonlySet<string>;
}

/** Indexes one graph; its subgraphs count only through what they capture. */
export function indexGraph(graph: GraphProto): GraphIndex {
  const producers = new Map<string, NodeProto>();
  const consumers = new Map<string, NodeProto[]>();
  const captured = new Set<string>();
  for (const node of graph.node) {
    for (const output of node.output) if (output !== '') producers.set(output, node);
    for (const input of node.input) if (input !== '') append(consumers, input, node);
    for (const inner of subgraphs(node)) for (const name of capturedBy(inner)) captured.add(name);
  }
  return {
    producers,
    consumers,
    captured,
    initialisers: new Map(graph.initializer.map((tensor) => [tensor.name, tensor])),
    inputs: new Set(graph.input.map((input) => input.name)),
    outputs: new Set(graph.output.map((output) => output.name)),
  };
}

/** True where exactly one node takes the tensor, and neither a subgraph nor the graph's caller does. */
export function hasSoleConsumer(index: GraphIndex, tensor: string): boolean {
  return index.consumers.get(tensor)?.length === 1 && !isSeenOutside(index, tensor);
}

/** True where others than this graph's nodes take the tensor, by its name: a subgraph, or the graph's caller. */
export function isSeenOutside({ outputs, captured }: GraphIndex, tensor: string): boolean {
  return outputs.has(tensor) || captured.has(tensor);
}

/** Whether one operator alone reads these codes: ONNX Runtime gives each reader a DequantizeLinear of its own first. */
export function hasOneReader(index: GraphIndex, codes: string): boolean {
  if (!hasSoleConsumer(index, codes)) return false;
  const [step] = index.consumers.get(codes) ?? [];
  if (step?.opType !== 'DequantizeLinear') return true;
  const values = step.output[0] ?? '';
  // Whoever asks for the shape alone is folded away before.
  const readers = (index.consumers.get(values) ?? []).filter(({ opType }) => opType !== 'Shape');
  return readers.length + (index.outputs.has(values) ? 1 : 0) === 1 && !index.captured.has(values);
}

/** Every name that a subgraph reads. Names of its own are harmless here: ONNX forbids shadowing. */
function* capturedBy(graph: GraphProto): Generator<string> {
  for (const inner of walkGraphs(graph)) {
    for (const node of inner.node) yield* node.input;
    for (const output of inner.output) yield output.name;
  }
}

function append(map: Map<string, NodeProto[]>, key: string, node: NodeProto): void {
  const list = map.get(key);
  if (list) list.push(node);
  else map.set(key, [node]);
}
