import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { elementTypeNamed } from '../../onnx/element-type.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { subgraphs, walkNodes } from '../../onnx/walk-graph.ts';

/** A stretch of a graph that ends with one layer, as a model of its own. */
export interface Stage {
  readonly model: ModelProto;
  /** Tensors from earlier stages or the graph's caller. */
  readonly inputs: readonly string[];
  /** Tensors that later stages need, the layer's output among them. */
  readonly outputs: readonly string[];
  /** Tensors that nothing needs after this stage. */
  readonly spent: readonly string[];
  /** What the layer gives. */
  readonly layerOutput: string;
}

/**
 * Cuts a graph behind each of these layers, in graph order; what follows the last one is left out. Running the stages
 * one after the other computes what the graph computes, and between two of them a layer's output can be changed.
 */
export function splitAtLayers(
  model: ModelProto,
  layers: ReadonlySet<string>,
  types: ReadonlyMap<string, TensorType>,
): Stage[] {
  const graph = model.graph!;
  const stretches = cutBehind(graph.node, layers);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const needed = stretches.map((nodes) => new Set(nodes.flatMap(namesRead)));
  const neededLater = (name: string, after: number): boolean =>
    needed.slice(after + 1).some((names) => names.has(name));
  const available = new Set(graph.input.map(({ name }) => name));
  return stretches.map((nodes, i) => {
    const made = new Set(nodes.flatMap((node) => node.output).filter((name) => name !== ''));
    const read = [...needed[i]!].filter((name) => !made.has(name));
    const inputs = read.filter((name) => available.has(name) && !constants.has(name));
    const layerOutput = nodes.at(-1)!.output[0]!;
    const outputs = [...made].filter((name) => name === layerOutput || neededLater(name, i));
    for (const name of outputs) available.add(name);
    const spent = [...available].filter((name) => !neededLater(name, i) && name !== layerOutput);
    for (const name of spent) available.delete(name);
    const stage = buildStage(model, nodes, { inputs, outputs, types });
    stage.graph!.initializer = read.flatMap((name) => constants.get(name) ?? []);
    return { model: stage, inputs, outputs, spent, layerOutput };
  });
}

function cutBehind(nodes: readonly NodeProto[], layers: ReadonlySet<string>): NodeProto[][] {
  const stretches: NodeProto[][] = [];
  let current: NodeProto[] = [];
  for (const node of nodes) {
    current.push(node);
    if (!layers.has(node.name)) continue;
    stretches.push(current);
    current = [];
  }
  return stretches;
}

/** What a node reads, inside its subgraphs too. */
function namesRead(node: NodeProto): string[] {
  const captured = subgraphs(node).flatMap((inner) => [
    ...[...walkNodes(inner)].flatMap((visited) => visited.node.input),
    ...inner.output.map(({ name }) => name),
  ]);
  return [...node.input, ...captured].filter((name) => name !== '');
}

function buildStage(
  model: ModelProto,
  nodes: readonly NodeProto[],
  {
    inputs,
    outputs,
    types,
  }: {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly types: ReadonlyMap<string, TensorType>;
  },
): ModelProto {
  const { graph, ...rest } = model;
  const shell: ModelProto = { ...rest, graph: { ...graph!, node: [], initializer: [], valueInfo: [] } };
  const stage = copyModel(shell);
  const own: GraphProto = stage.graph!;
  own.node = [...nodes];
  own.input = inputs.map((name) => declare(name, types.get(name)));
  own.output = outputs.map((name) => create(ValueInfoProtoSchema, { name }));
  return stage;
}

/** The rank is declared, the sizes are not: a batch may be of any size. */
function declare(name: string, type: TensorType | undefined): ValueInfoProto {
  const { elementType, shape } = type ?? { elementType: 'float32', shape: [] };
  const elemType = elementTypeNamed(elementType).code;
  const dims = shape.map((_, axis) => ({ value: { case: 'dimParam' as const, value: `${name}_${axis}` } }));
  const value = create(TypeProto_TensorSchema, {
    elemType,
    ...(shape.length > 0 ? { shape: create(TensorShapeProtoSchema, { dim: dims }) } : {}),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value } }),
  });
}
