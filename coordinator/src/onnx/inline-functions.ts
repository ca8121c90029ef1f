import { clone, create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from '../../gen/onnx/onnx_pb.js';

/** Functions may not call themselves (ONNX IR), and few calls of calls make any number of nodes: a file may do both. */
const maxDepth = 16;
const maxNodes = 100_000;

/** The function that a node calls, as `nameFunction` names it. */
export function nameCall({ domain, opType, overload }: NodeProto): string {
  return [domain === 'ai.onnx' ? '' : domain, opType, overload].join(':');
}

/** Domain, name and overload, which together are unique in a model. */
export function nameFunction({ domain, name, overload }: FunctionProto): string {
  return [domain === 'ai.onnx' ? '' : domain, name, overload].join(':');
}

interface Inlining {
  readonly bodies: ReadonlyMap<string, FunctionProto>;
  /** What a name of this scope is called in the result. */
  readonly scope: (name: string) => string;
  readonly prefix: string;
  readonly depth: number;
  readonly budget: { nodes: number };
}

/**
 * A copy of a graph with the bodies of the model's own functions in the place of their calls, in subgraphs too, as
 * ONNX Runtime inlines them before anything else. Tensors of a body get a prefix of their call. Calls beyond a depth of
 * 16 or 100,000 nodes stay calls. Without functions it is the graph itself.
 */
export function inlineFunctions(graph: GraphProto, functions: readonly FunctionProto[]): GraphProto {
  if (functions.length === 0) return graph;
  const bodies = new Map(functions.map((body) => [nameFunction(body), body]));
  return inlineGraph(graph, {
    bodies,
    scope: (name) => name,
    prefix: '',
    depth: 0,
    budget: { nodes: maxNodes },
  });
}

function inlineGraph(graph: GraphProto, work: Inlining): GraphProto {
  const { $typeName: _, ...rest } = graph;
  return create(GraphProtoSchema, { ...rest, node: inlineNodes(graph.node, work) });
}

function inlineNodes(nodes: readonly NodeProto[], work: Inlining): NodeProto[] {
  return nodes.flatMap((node, position) => {
    work.budget.nodes--;
    const inner = { ...work, prefix: `${work.prefix}${position}/`, depth: work.depth + 1 };
    const body = work.bodies.get(nameCall(node));
    return body && work.depth < maxDepth && work.budget.nodes > 0
      ? inlineCall(node, body, inner)
      : [copyNode(node, inner)];
  });
}

function inlineCall(call: NodeProto, body: FunctionProto, work: Inlining): NodeProto[] {
  const outer = new Map<string, string>();
  const connect = (names: readonly string[], given: readonly string[]): void => {
    for (const [i, name] of names.entries()) outer.set(name, given[i] ? work.scope(given[i]) : '');
  };
  connect(body.input, call.input);
  // An output that the call leaves out keeps a name, for the body may read it.
  for (const [i, name] of body.output.entries()) {
    if (call.output[i]) outer.set(name, work.scope(call.output[i]));
  }
  const nodes = body.node.map((node) => withCallersAttributes(node, call, body));
  return inlineNodes(nodes, { ...work, scope: (name) => outer.get(name) ?? work.prefix + name });
}

/** Attributes of a function's nodes may name an attribute of the call, or the function's default for it. */
function withCallersAttributes(node: NodeProto, call: NodeProto, body: FunctionProto): NodeProto {
  if (!node.attribute.some(({ refAttrName }) => refAttrName !== '')) return node;
  const attribute = node.attribute.flatMap((own): AttributeProto[] => {
    if (own.refAttrName === '') return [own];
    const given = [...call.attribute, ...body.attributeProto].find(({ name }) => name === own.refAttrName);
    return given ? [Object.assign(clone(AttributeProtoSchema, given), { name: own.name })] : [];
  });
  return create(NodeProtoSchema, { ...fieldsOf(node), attribute });
}

function copyNode(node: NodeProto, work: Inlining): NodeProto {
  const renamed = (name: string): string => (name === '' ? '' : work.scope(name));
  return create(NodeProtoSchema, {
    ...fieldsOf(node),
    input: node.input.map(renamed),
    output: node.output.map(renamed),
    attribute: node.attribute.map((attribute) =>
      attribute.g || attribute.graphs.length > 0 ? copySubgraphs(attribute, work) : attribute,
    ),
  });
}

/** A subgraph keeps its own names and reads the renamed ones of the body around it. */
function copySubgraphs(attribute: AttributeProto, work: Inlining): AttributeProto {
  const { $typeName: _, g, graphs, ...rest } = attribute;
  const copy = (graph: GraphProto): GraphProto => {
    const own = new Set([
      ...graph.initializer.map(({ name }) => name),
      ...graph.input.map(({ name }) => name),
      ...graph.node.flatMap(({ output }) => output),
    ]);
    return inlineGraph(graph, { ...work, scope: (name) => (own.has(name) ? name : work.scope(name)) });
  };
  return create(AttributeProtoSchema, { ...rest, graphs: graphs.map(copy), ...(g ? { g: copy(g) } : {}) });
}

function fieldsOf(node: NodeProto): Omit<NodeProto, '$typeName' | '$unknown'> {
  const { $typeName: _, $unknown: __, ...fields } = node;
  return fields;
}
