import { create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { roundToFloat16 } from '@qfleet/shared/inputs/round-to-float16.ts';
import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import {
  findAttribute,
  intAttribute,
  readFloat,
  readInt,
  readString,
  removeAttribute,
  stringAttribute,
} from './attribute.ts';
import { copyModel } from './copy-model.ts';
import { NamePool } from './name-pool.ts';
import { irVersionFor, opsetOf, setOpset } from './opset.ts';
import type { TensorType } from './shapes.ts';
import { createTensor, readTensor } from './tensor.ts';
import { describeNode, walkGraphs } from './walk-graph.ts';

type ConstantType = 'int64' | 'float16' | 'float32' | 'float64';

/** What a rule may use while it rewrites one node. */
interface Rewrite {
  readonly node: NodeProto;
  /** Opset that the model comes from. */
  readonly from: number;
  /** A constant of the node's graph; undefined for what is computed. */
  find(name: string): TensorProto | undefined;
  /** Adds a constant to the node's graph; its name. */
  constant(
    suffix: string,
    elementType: ConstantType,
    values: readonly (number | bigint)[],
    dims?: readonly number[],
  ): string;
  /** A name for a new tensor or node that the model does not use. */
  name(wanted: string): string;
  /** The type that a float constant next to this tensor has to have. */
  floatLike(tensor: string): ConstantType;
  /** Tells the element type of a new tensor: that of a known one. */
  declare(name: string, like: string): void;
  refuse(reason: string): never;
}

/** Rewrites a node in place, or gives the nodes that replace it. */
type Rule = (rewrite: Rewrite) => NodeProto[] | undefined;

/** Before 7, arithmetic broadcast by attributes of its own; no exporter of the last years writes that. */
const lowestUpgradableOpset = 7;
export const targetOpset = 13;

interface UpgradedModel {
  readonly model: ModelProto;
  /** The types given, and those of tensors that the rewriting added. */
  readonly types: ReadonlyMap<string, TensorType>;
}

/**
 * A copy of the model at opset 13, the first with per-channel QuantizeLinear, from opset 7 to 12; a model at
 * 13 or above comes back as it is. Operators whose meaning or form changed in between are rewritten so that
 * they compute the same (onnx/docs/Changelog.md); the rest is compatible. Throws `unsupported` for an older
 * opset, and for the few forms that opset 13 has no equal of, naming the node.
 */
export function upgradeOpset(model: ModelProto, types: ReadonlyMap<string, TensorType>): UpgradedModel {
  const from = opsetOf(model);
  if (from >= targetOpset) return { model, types };
  if (from < lowestUpgradableOpset) {
    throw new QfleetError(
      'unsupported',
      `The model is of opset ${from}; quantizing takes ${lowestUpgradableOpset} and above.`,
      {
        hint: 'Export it with opset 13, or convert it with onnx.version_converter.',
      },
    );
  }
  const upgraded = copyModel(model);
  const known = new Map(types);
  const names = new NamePool(upgraded.graph!);
  for (const graph of walkGraphs(upgraded.graph!)) upgradeGraph(graph, { from, types: known, names });
  setOpset(upgraded, targetOpset);
  upgraded.irVersion = BigInt(Math.max(Number(upgraded.irVersion), irVersionFor(targetOpset)));
  return { model: upgraded, types: known };
}

interface Upgrade {
  readonly from: number;
  readonly types: Map<string, TensorType>;
  readonly names: NamePool;
}

function upgradeGraph(graph: GraphProto, { from, types, names }: Upgrade): void {
  const name = (wanted: string): string => names.take(wanted);
  const floatLike = (tensor: string): ConstantType => {
    const elementType = types.get(tensor)?.elementType;
    return elementType === 'float16' || elementType === 'float64' ? elementType : 'float32';
  };
  const find: Rewrite['find'] = (wanted) => graph.initializer.find((tensor) => tensor.name === wanted);
  const declare: Rewrite['declare'] = (name, like) => {
    const elementType = types.get(like)?.elementType;
    if (elementType !== undefined) types.set(name, { elementType, shape: [] });
  };
  graph.node = graph.node.flatMap((node) => {
    const rule = node.domain === '' || node.domain === 'ai.onnx' ? rules[node.opType] : undefined;
    const constant = addConstant(graph, node, name);
    const refuse = refuseNode(node);
    return rule?.({ node, from, name, find, floatLike, declare, constant, refuse }) ?? [node];
  });
}

function addConstant(graph: GraphProto, node: NodeProto, name: Rewrite['name']): Rewrite['constant'] {
  return (suffix, elementType, values, dims = [values.length]) => {
    const free = name(`${node.output[0]}_opset13_${suffix}`);
    graph.initializer.push(createTensor(free, elementType, dims, arrays[elementType](values)));
    return free;
  };
}

const arrays: Readonly<Record<ConstantType, (values: readonly (number | bigint)[]) => TensorData>> = {
  int64: (values) => BigInt64Array.from(values, BigInt),
  float16: (values) => Uint16Array.from(values, (value) => roundToFloat16(Number(value))),
  float32: (values) => Float32Array.from(values, Number),
  float64: (values) => Float64Array.from(values, Number),
};

function refuseNode(node: NodeProto): Rewrite['refuse'] {
  return (reason) => {
    throw new QfleetError(
      'unsupported',
      `Operator ${describeNode(node)} has no equal in opset 13: ${reason}.`,
      {
        hint: 'Export the model with opset 13 or above.',
      },
    );
  };
}

/** Opset 10: attributes became inputs. */
const upgradeSlice: Rule = ({ node, from, constant }) => {
  if (from >= 10) return undefined;
  // Kept as bigint: "to the end" is written as 2^63 - 1.
  const starts = findAttribute(node, 'starts')?.ints ?? [];
  const ends = findAttribute(node, 'ends')?.ints ?? [];
  const axes = findAttribute(node, 'axes')?.ints ?? starts.map((_, axis) => axis);
  node.input = [
    node.input[0]!,
    constant('starts', 'int64', starts),
    constant('ends', 'int64', ends),
    constant('axes', 'int64', axes),
  ];
  node.attribute = [];
  return undefined;
};

/** Opset 11: min and max became inputs. */
const upgradeClip: Rule = ({ node, from, floatLike, constant }) => {
  if (from >= 11) return undefined;
  const bound = (name: string): string => {
    const attribute = findAttribute(node, name);
    return attribute ? constant(name, floatLike(node.input[0]!), [attribute.f], []) : '';
  };
  node.input = [node.input[0]!, bound('min'), bound('max')];
  node.attribute = [];
  return undefined;
};

/** Opset 11: pads and value became inputs. */
const upgradePad: Rule = ({ node, from, floatLike, constant }) => {
  if (from >= 11) return undefined;
  const pads = constant('pads', 'int64', findAttribute(node, 'pads')?.ints ?? []);
  const value = constant('value', floatLike(node.input[0]!), [readFloat(node, 'value', 0)], []);
  node.input = [node.input[0]!, pads, value];
  removeAttribute(node, 'pads');
  removeAttribute(node, 'value');
  return undefined;
};

/** Opset 10: k became an input. */
const upgradeTopK: Rule = ({ node, from, constant }) => {
  if (from >= 10) return undefined;
  node.input = [node.input[0]!, constant('k', 'int64', [readInt(node, 'k', 1)])];
  removeAttribute(node, 'k');
  return undefined;
};

/** Opset 13: the attribute became an input. */
const moveToInput =
  (attribute: 'axes' | 'split'): Rule =>
  ({ node, constant }) => {
    const values = findAttribute(node, attribute)?.ints;
    if (!values) return undefined;
    node.input = [node.input[0]!, constant(attribute, 'int64', values)];
    removeAttribute(node, attribute);
    return undefined;
  };

/** Opset 12: inference alone is left of it. */
const upgradeDropout: Rule = ({ node, from, refuse }) => {
  if (from >= 12) return undefined;
  if (node.output.length > 1 && node.output[1] !== '') refuse('its mask is used');
  return [
    create(NodeProtoSchema, {
      opType: 'Identity',
      name: node.name,
      input: [node.input[0]!],
      output: [node.output[0]!],
    }),
  ];
};

/** Opset 9: statistics per element are gone. */
const upgradeBatchNormalization: Rule = ({ node, from, refuse }) => {
  if (from < 9 && readInt(node, 'spatial', 1) !== 1) refuse('spatial = 0');
  removeAttribute(node, 'spatial');
  return undefined;
};

/** Opset 10 replaced it by Resize, whose `asymmetric` coordinates are Upsample's. */
const upgradeUpsample: Rule = (rewrite) => {
  const { node, from, constant } = rewrite;
  const scales =
    from < 9 ? constant('scales', 'float32', findAttribute(node, 'scales')?.floats ?? []) : node.input[1]!;
  return [resize(rewrite, scales)];
};

/** Opset 11 added coordinate modes; 10 knew `asymmetric` alone. */
const upgradeResize: Rule = (rewrite) =>
  rewrite.from >= 11 ? undefined : [resize(rewrite, rewrite.node.input[1]!)];

function resize(rewrite: Rewrite, scales: string): NodeProto {
  const { node } = rewrite;
  const mode = readString(node, 'mode', 'nearest');
  return create(NodeProtoSchema, {
    opType: 'Resize',
    name: node.name,
    input: [node.input[0]!, '', scales],
    output: node.output,
    attribute: [
      stringAttribute('mode', mode === 'bilinear' ? 'linear' : mode),
      stringAttribute('coordinate_transformation_mode', 'asymmetric'),
      stringAttribute('nearest_mode', mode === 'nearest' ? nearestMode(rewrite, scales) : 'floor'),
    ],
  });
}

/** ONNX Runtime's kernel of opset 10 rounds up along a dimension that it makes smaller, down along others (upsample.cc). */
function nearestMode({ find, refuse }: Rewrite, scales: string): 'floor' | 'ceil' {
  const known = find(scales);
  const values = known ? Array.from(readTensor(known).data, Number) : [];
  const isSmaller = values.some((scale) => scale < 1);
  if (isSmaller && values.some((scale) => scale > 1)) refuse('it enlarges one dimension and reduces another');
  return isSmaller ? 'ceil' : 'floor';
}

/** Opset 11: only the name changed. */
const upgradeScatter: Rule = ({ node }) => {
  node.opType = 'ScatterElements';
  return undefined;
};

/** Operators of ONNX's beginnings, without a successor. */
const refuseAncient: Rule = ({ refuse }) => refuse('ONNX has taken it out');

/**
 * Opset 13: along one axis, where it was over all dimensions from `axis` on, taken as one. The old meaning is
 * written out: Flatten, the operator along the last axis, and back to the old shape.
 */
const upgradeSoftmax: Rule = ({ node, name, declare }) => {
  const axis = readInt(node, 'axis', 1);
  if (axis === -1) return undefined;
  const [input, output] = [node.input[0]!, node.output[0]!];
  const shape = name(`${output}_opset13_shape`);
  const [flat, soft] = [name(`${output}_opset13_flat`), name(`${output}_opset13_soft`)];
  for (const tensor of [flat, soft]) declare(tensor, input);
  const make = (opType: string, inputs: string[], result: string): NodeProto =>
    create(NodeProtoSchema, {
      opType,
      name: name(`${node.name || output}_${opType}`),
      input: inputs,
      output: [result],
    });
  const flatten = make('Flatten', [input], flat);
  flatten.attribute = [intAttribute('axis', axis)];
  const along = create(NodeProtoSchema, {
    opType: node.opType,
    name: node.name,
    input: [flat],
    output: [soft],
  });
  along.attribute = [intAttribute('axis', -1)];
  return [make('Shape', [input], shape), flatten, along, make('Reshape', [soft, shape], output)];
};

const refuseScan: Rule = ({ from, refuse }) =>
  from < 9 ? refuse('Scan of opset 8 has a batch dimension') : undefined;

const rules: Readonly<Record<string, Rule>> = {
  Affine: refuseAncient,
  BatchNormalization: upgradeBatchNormalization,
  Clip: upgradeClip,
  Crop: refuseAncient,
  Dropout: upgradeDropout,
  DynamicSlice: refuseAncient,
  GRUUnit: refuseAncient,
  GivenTensorFill: refuseAncient,
  Hardmax: upgradeSoftmax,
  ImageScaler: refuseAncient,
  LogSoftmax: upgradeSoftmax,
  Pad: upgradePad,
  ParametricSoftplus: refuseAncient,
  ReduceSum: moveToInput('axes'),
  Resize: upgradeResize,
  ScaledTanh: refuseAncient,
  Scan: refuseScan,
  Scatter: upgradeScatter,
  Slice: upgradeSlice,
  Softmax: upgradeSoftmax,
  Split: moveToInput('split'),
  Squeeze: moveToInput('axes'),
  TopK: upgradeTopK,
  Unsqueeze: moveToInput('axes'),
  Upsample: upgradeUpsample,
};
