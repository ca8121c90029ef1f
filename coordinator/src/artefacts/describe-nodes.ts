import { clone, create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { findElementType } from '../onnx/element-type.ts';
import { subgraphs } from '../onnx/walk-graph.ts';

/** All nodes of a model in one list, each tensor with a name of its own. */
export interface FlatModel {
  readonly nodes: readonly NodeProto[];
  readonly initialisers: ReadonlyMap<string, TensorProto>;
  readonly producers: ReadonlyMap<string, NodeProto>;
  readonly consumers: ReadonlyMap<string, readonly NodeProto[]>;
  /** Declared element types of the model's inputs. */
  readonly inputTypes: ReadonlyMap<string, string>;
}

/**
 * Takes subgraphs and the bodies of the model's own functions (older PyTorch exporters write them) into one
 * list. Names of an inner scope get a prefix, for the branches of an `If` may use the same ones.
 */
export function flattenModel(model: ModelProto): FlatModel {
  const graph = model.graph!;
  const nodes: NodeProto[] = [];
  const initialisers = new Map<string, TensorProto>();
  const functions = new Map(model.functions.map((body) => [`${body.domain}:${body.name}`, body]));
  addScope(graph, { nodes, initialisers, functions, scope: (name) => name, prefix: '', depth: 0 });
  return { nodes, initialisers, ...connect(nodes), inputTypes: readInputTypes(graph) };
}

interface Flattening {
  readonly nodes: NodeProto[];
  readonly initialisers: Map<string, TensorProto>;
  readonly functions: ReadonlyMap<string, FunctionProto>;
  /** What a name of this scope is called in the list. */
  readonly scope: (name: string) => string;
  readonly prefix: string;
  readonly depth: number;
}

/** Functions may not call themselves (ONNX IR), but a file may say so all the same. */
const maxDepth = 16;

function addScope(graph: Pick<GraphProto, 'node' | 'initializer'>, work: Flattening): void {
  for (const tensor of graph.initializer) work.initialisers.set(work.scope(tensor.name), tensor);
  for (const [position, node] of graph.node.entries()) {
    const inner = { ...work, prefix: `${work.prefix}${position}/`, depth: work.depth + 1 };
    const body = work.functions.get(`${node.domain}:${node.opType}`);
    if (body && work.depth < maxDepth) {
      inlineFunction(node, body, inner);
      continue;
    }
    work.nodes.push(work.depth === 0 ? node : rename(node, work.scope));
    if (work.depth >= maxDepth) continue;
    for (const [branch, graph] of subgraphs(node).entries())
      addSubgraph(graph, { ...inner, prefix: `${inner.prefix}${branch}/` });
  }
}

function addSubgraph(graph: GraphProto, work: Flattening): void {
  const own = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.input.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  addScope(graph, { ...work, scope: (name) => (own.has(name) ? work.prefix + name : work.scope(name)) });
}

function inlineFunction(call: NodeProto, body: FunctionProto, work: Flattening): void {
  const outer = new Map<string, string>();
  for (const [i, name] of body.input.entries()) outer.set(name, work.scope(call.input[i] ?? ''));
  for (const [i, name] of body.output.entries()) outer.set(name, work.scope(call.output[i] ?? ''));
  const node = body.node.map((inner) => withCallersAttributes(inner, call));
  addScope({ node, initializer: [] }, { ...work, scope: (name) => outer.get(name) ?? work.prefix + name });
}

/** Attributes of a function's nodes may name an attribute of the call. */
function withCallersAttributes(node: NodeProto, call: NodeProto): NodeProto {
  if (!node.attribute.some(({ refAttrName }) => refAttrName !== '')) return node;
  const attribute = node.attribute.flatMap((own): AttributeProto[] => {
    if (own.refAttrName === '') return [own];
    const given = call.attribute.find(({ name }) => name === own.refAttrName);
    return given ? [Object.assign(clone(AttributeProtoSchema, given), { name: own.name })] : [];
  });
  return copy(node, { input: node.input, output: node.output, attribute });
}

function rename(node: NodeProto, scope: (name: string) => string): NodeProto {
  const renamed = (name: string): string => (name === '' ? '' : scope(name));
  const { input, output, attribute } = node;
  return copy(node, { input: input.map(renamed), output: output.map(renamed), attribute });
}

function copy(node: NodeProto, changed: Pick<NodeProto, 'input' | 'output' | 'attribute'>): NodeProto {
  const { name, opType, domain } = node;
  return create(NodeProtoSchema, { name, opType, domain, ...changed });
}

function connect(nodes: readonly NodeProto[]): Pick<FlatModel, 'producers' | 'consumers'> {
  const producers = new Map<string, NodeProto>();
  const consumers = new Map<string, NodeProto[]>();
  for (const node of nodes) {
    for (const name of node.output) if (name !== '') producers.set(name, node);
    for (const name of node.input) {
      const known = consumers.get(name);
      if (known) known.push(node);
      else if (name !== '') consumers.set(name, [node]);
    }
  }
  return { producers, consumers };
}

function readInputTypes(graph: GraphProto): Map<string, string> {
  return new Map(
    graph.input.flatMap(({ name, type }): [string, string][] => {
      if (type?.value.case !== 'tensorType') return [];
      const elementType = findElementType(type.value.value.elemType)?.name;
      return elementType === undefined ? [] : [[name, elementType]];
    }),
  );
}
