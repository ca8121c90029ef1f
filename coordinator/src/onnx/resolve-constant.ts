import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import type { NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readInt } from './attribute.ts';
import type { GraphIndex } from './graph-index.ts';
import { countElements, readTensor, type Tensor } from './tensor.ts';

/** Indexes of a graph and of those around it, the innermost first: a subgraph sees all of their tensors. */
export type Scopes = readonly GraphIndex[];

/** Operators whose output has the values of their first input, in another order or shape at most. */
const viewOperators = /^(Identity|Transpose|Reshape|Squeeze|Unsqueeze|Flatten)$/;

/** The node that makes a tensor, in whichever scope. */
export function producerOf(name: string, scopes: Scopes): NodeProto | undefined {
  return scopes.map(({ producers }) => producers.get(name)).find((found) => found !== undefined);
}

/** The tensor stored under a name, as an initialiser or a Constant, copied by Identity or not. */
export function findStored(name: string, scopes: Scopes): TensorProto | undefined {
  const producer = producerOf(name, scopes);
  if (producer?.opType === 'Constant') return findAttribute(producer, 'value')?.t;
  if (producer?.opType === 'Identity') return findStored(producer.input[0] ?? '', scopes);
  if (producer) return undefined;
  return scopes.map(({ initialisers }) => initialisers.get(name)).find((found) => found !== undefined);
}

/**
 * The values of a tensor that follows from constants alone, as ONNX Runtime folds them before it chooses kernels:
 * through views, and through QuantizeLinear of constant float32 values. Undefined where it does not.
 */
export function resolveConstant(name: string, scopes: Scopes): Tensor | undefined {
  const stored = findStored(name, scopes);
  if (stored) return readStored(stored);
  const producer = producerOf(name, scopes);
  if (!producer) return undefined;
  if (viewOperators.test(producer.opType)) {
    const source = resolveConstant(producer.input[0] ?? '', scopes);
    return source && applyView(producer, source, scopes);
  }
  return producer.opType === 'QuantizeLinear' ? quantizeConstant(producer, scopes) : undefined;
}

/** The int8 or uint8 codes from which a DequantizeLinear makes a float tensor, moved as views behind it move the values. */
export function resolveCodes(name: string, scopes: Scopes): Tensor | undefined {
  const producer = producerOf(name, scopes);
  if (!producer) return undefined;
  if (producer.opType === 'DequantizeLinear') return resolveConstant(producer.input[0] ?? '', scopes);
  if (!viewOperators.test(producer.opType)) return undefined;
  const source = resolveCodes(producer.input[0] ?? '', scopes);
  return source && applyView(producer, source, scopes);
}

/** The DequantizeLinear behind a tensor, if nothing but views lies between. */
export function dequantizerBehind(name: string, scopes: Scopes): NodeProto | undefined {
  const producer = producerOf(name, scopes);
  if (producer?.opType === 'DequantizeLinear') return producer;
  return producer && viewOperators.test(producer.opType)
    ? dequantizerBehind(producer.input[0] ?? '', scopes)
    : undefined;
}

function readStored(tensor: TensorProto): Tensor | undefined {
  try {
    return readTensor(tensor);
  } catch {
    // Types under 8 bits, strings: no weights of the kernels in question.
    return undefined;
  }
}

function applyView(node: NodeProto, source: Tensor, scopes: Scopes): Tensor | undefined {
  if (node.opType === 'Identity') return source;
  if (node.opType === 'Transpose') return transpose(source, permutationOf(node, source.dims.length));
  const dims = viewDims(node, source.dims, scopes);
  return dims && countElements(dims) === source.data.length ? { ...source, dims } : undefined;
}

function permutationOf(node: NodeProto, rank: number): number[] {
  const given = findAttribute(node, 'perm')?.ints.map(Number) ?? [];
  return given.length === rank ? given : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

function transpose(source: Tensor, permutation: readonly number[]): Tensor {
  const { dims, data } = source;
  const strides = dims.map((_, axis) => countElements(dims.slice(axis + 1)));
  const moved = permutation.map((axis) => dims[axis]!);
  const steps = permutation.map((axis) => strides[axis]!);
  const target = data.slice();
  const place = moved.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    target[to] = data[from]!;
    for (let axis = moved.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++place[axis]! < moved[axis]!) break;
      from -= steps[axis]! * moved[axis]!;
      place[axis] = 0;
    }
  }
  return { ...source, dims: moved, data: target };
}

/** The shape that Reshape, Flatten, Squeeze or Unsqueeze gives; undefined where it depends on what is not constant. */
function viewDims(node: NodeProto, dims: readonly number[], scopes: Scopes): number[] | undefined {
  if (node.opType === 'Flatten') {
    const axis = readInt(node, 'axis', 1);
    const at = axis < 0 ? axis + dims.length : axis;
    return [countElements(dims.slice(0, at)), countElements(dims.slice(at))];
  }
  const given = listArgument(node, node.opType === 'Reshape' ? 'shape' : 'axes', scopes);
  if (node.opType === 'Reshape')
    return given && reshapedDims(dims, given, readInt(node, 'allowzero', 0) === 1);
  if (node.opType === 'Squeeze') {
    const axes = given?.map((axis) => (axis < 0 ? axis + dims.length : axis));
    return dims.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1));
  }
  if (!given) return undefined;
  const rank = dims.length + given.length;
  const axes = new Set(given.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!));
}

function reshapedDims(dims: readonly number[], shape: readonly number[], allowZero: boolean): number[] {
  const sizes = shape.map((size, axis) => (size === 0 && !allowZero ? (dims[axis] ?? 0) : size));
  const known = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  return sizes.map((size) => (size === -1 ? countElements(dims) / known : size));
}

/** Attribute in old opsets, second input in new ones. */
function listArgument(node: NodeProto, name: string, scopes: Scopes): number[] | undefined {
  const attribute = findAttribute(node, name);
  if (attribute) return attribute.ints.map(Number);
  const tensor = node.input[1] ? resolveConstant(node.input[1], scopes) : undefined;
  return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** QuantizeLinear as ONNX defines it, on constants: round half to even of x / scale, plus the zero point, saturated. */
function quantizeConstant(node: NodeProto, scopes: Scopes): Tensor | undefined {
  const [x, scale, zeroPoint] = [0, 1, 2].map((i) =>
    node.input[i] ? resolveConstant(node.input[i], scopes) : undefined,
  );
  const elementType = zeroPoint?.elementType ?? 'uint8';
  if (!(x?.data instanceof Float32Array) || !scale || (node.input[2] && !zeroPoint)) return undefined;
  if (elementType !== 'int8' && elementType !== 'uint8') return undefined;
  const [least, most] = elementType === 'int8' ? [-128, 127] : [0, 255];
  const axis = readInt(node, 'axis', 1);
  const at = axis < 0 ? axis + x.dims.length : axis;
  const inner = countElements(x.dims.slice(at + 1));
  const channels = scale.data.length;
  if (channels > 1 && channels !== x.dims[at]) return undefined;
  const data = new (elementType === 'int8' ? Int8Array : Uint8Array)(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const channel = channels > 1 ? Math.floor(i / inner) % channels : 0;
    const code =
      roundHalfEven(Math.fround(x.data[i]! / Number(scale.data[channel]))) +
      Number(zeroPoint?.data[zeroPoint.data.length > 1 ? channel : 0] ?? 0);
    data[i] = Math.min(most, Math.max(least, code));
  }
  return { elementType, dims: x.dims, data };
}
