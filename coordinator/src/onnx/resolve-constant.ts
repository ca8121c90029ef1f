import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import type { NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readInt } from './attribute.ts';
import { findElementType } from './element-type.ts';
import type { GraphIndex } from './graph-index.ts';
import { countElements, createTensor, readTensor, type Tensor } from './tensor.ts';

/** Indexes of a graph and of those around it, the innermost first: a subgraph sees all of their tensors. */
export type Scopes = readonly GraphIndex[];

/** Operators whose output has the values of their first input, in another order or shape. */
const viewOperators = /^(Transpose|Reshape|Squeeze|Unsqueeze|Flatten|Expand)$/;

/** The node that makes a tensor, in whichever scope. */
export function producerOf(name: string, scopes: Scopes): NodeProto | undefined {
  return scopes.map(({ producers }) => producers.get(name)).find((found) => found !== undefined);
}

/** The tensor stored under a name, as an initialiser or a Constant, handed on unchanged or not. */
export function findStored(name: string, scopes: Scopes): TensorProto | undefined {
  const producer = producerOf(name, scopes);
  if (producer?.opType === 'Constant') return storedIn(producer);
  if (producer) {
    const source = unchangedInput(producer, scopes);
    return source === undefined ? undefined : findStored(source, scopes);
  }
  return scopes.map(({ initialisers }) => initialisers.get(name)).find((found) => found !== undefined);
}

/** What a Constant holds, in whichever of its attributes; undefined for strings and sparse tensors. */
function storedIn(constant: NodeProto): TensorProto | undefined {
  const [attribute] = constant.attribute;
  if (attribute?.name === 'value') return attribute.t;
  if (attribute?.name === 'value_int') return createTensor('', 'int64', [], BigInt64Array.of(attribute.i));
  if (attribute?.name === 'value_float') return createTensor('', 'float32', [], Float32Array.of(attribute.f));
  if (attribute?.name === 'value_ints')
    return createTensor('', 'int64', [attribute.ints.length], BigInt64Array.from(attribute.ints));
  if (attribute?.name === 'value_floats')
    return createTensor('', 'float32', [attribute.floats.length], Float32Array.from(attribute.floats));
  return undefined;
}

/**
 * The input that a node hands on as it is, so that ONNX Runtime removes the node before it chooses kernels (its
 * eliminations of Identity, Dropout, Cast to the same type, and of sums with 0 and products with 1); undefined where
 * the node may change something.
 */
export function unchangedInput(node: NodeProto, scopes: Scopes): string | undefined {
  const [first = '', second = ''] = node.input;
  switch (node.opType) {
    case 'Identity':
      return first;
    case 'Dropout':
      // In training it drops; a flag that is not stored may ask for that.
      return !node.input[2] || isNumber(node.input[2], 0, scopes) ? first : undefined;
    case 'Cast':
      return elementTypeOf(first, scopes) === findElementType(readInt(node, 'to', 0))?.name
        ? first
        : undefined;
    case 'Mul':
      return isNumber(second, 1, scopes) ? first : isNumber(first, 1, scopes) ? second : undefined;
    case 'Add':
      return isNumber(second, 0, scopes) ? first : isNumber(first, 0, scopes) ? second : undefined;
    case 'Div':
      return isNumber(second, 1, scopes) ? first : undefined;
    case 'Sub':
      return isNumber(second, 0, scopes) ? first : undefined;
    default:
      return undefined;
  }
}

/** Whether a tensor is this number, stored; one of more elements is not removed. */
function isNumber(name: string, value: number, scopes: Scopes): boolean {
  const stored = findStored(name, scopes);
  if (!stored || stored.dims.length > 1 || countElements(stored.dims.map(Number)) !== 1) return false;
  return Number(readStored(stored)?.data[0]) === value;
}

/** Element type of a tensor where stored tensors and quantize steps say it. */
function elementTypeOf(name: string, scopes: Scopes): string | undefined {
  const stored = findStored(name, scopes);
  if (stored) return findElementType(stored.dataType)?.name;
  const producer = producerOf(name, scopes);
  if (!producer) return undefined;
  if (producer.opType === 'DequantizeLinear') return elementTypeOf(producer.input[1] ?? '', scopes);
  if (producer.opType === 'Cast') return findElementType(readInt(producer, 'to', 0))?.name;
  const source = viewedInput(producer, scopes);
  return source === undefined ? undefined : elementTypeOf(source, scopes);
}

/** The input that a node hands on, in another order or shape at most. */
function viewedInput(node: NodeProto, scopes: Scopes): string | undefined {
  return viewOperators.test(node.opType) ? (node.input[0] ?? '') : unchangedInput(node, scopes);
}

/**
 * The values of a tensor that follows from constants alone, as ONNX Runtime folds them before it chooses kernels:
 * through views, and through QuantizeLinear and DequantizeLinear. Undefined where it does not.
 */
export function resolveConstant(name: string, scopes: Scopes): Tensor | undefined {
  const stored = findStored(name, scopes);
  if (stored) return readStored(stored);
  const producer = producerOf(name, scopes);
  if (!producer) return undefined;
  if (producer.opType === 'QuantizeLinear') return quantizeConstant(producer, scopes);
  if (producer.opType === 'DequantizeLinear') return dequantizeConstant(producer, scopes);
  const viewed = viewedInput(producer, scopes);
  const source = viewed === undefined ? undefined : resolveConstant(viewed, scopes);
  return source && applyView(producer, source, scopes);
}

/** The int8 or uint8 codes from which a DequantizeLinear makes a float tensor, moved as views behind it move the values. */
export function resolveCodes(name: string, scopes: Scopes): Tensor | undefined {
  const producer = producerOf(name, scopes);
  if (!producer) return undefined;
  if (producer.opType === 'DequantizeLinear') return resolveConstant(producer.input[0] ?? '', scopes);
  const viewed = viewedInput(producer, scopes);
  const source = viewed === undefined ? undefined : resolveCodes(viewed, scopes);
  return source && applyView(producer, source, scopes);
}

/**
 * The DequantizeLinear behind a tensor, if nothing but steps that are removed and the given operators lie between;
 * these are views unless told otherwise.
 */
export function dequantizerBehind(
  name: string,
  scopes: Scopes,
  through: RegExp = viewOperators,
): NodeProto | undefined {
  const producer = producerOf(name, scopes);
  if (!producer || producer.opType === 'DequantizeLinear') return producer;
  const source = through.test(producer.opType) ? producer.input[0] : unchangedInput(producer, scopes);
  return source === undefined ? undefined : dequantizerBehind(source, scopes, through);
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
  if (!viewOperators.test(node.opType)) return source;
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

/** The shape that a view gives; undefined where it depends on what is not constant. */
function viewDims(node: NodeProto, dims: readonly number[], scopes: Scopes): number[] | undefined {
  if (node.opType === 'Flatten') {
    const axis = readInt(node, 'axis', 1);
    const at = axis < 0 ? axis + dims.length : axis;
    return [countElements(dims.slice(0, at)), countElements(dims.slice(at))];
  }
  const given = listArgument(node, /^(Reshape|Expand)$/.test(node.opType) ? 'shape' : 'axes', scopes);
  if (node.opType === 'Expand') return given && expandedDims(dims, given);
  if (node.opType === 'Reshape')
    return given && reshapedDims(dims, given, readInt(node, 'allowzero', 0) === 1);
  if (node.opType === 'Squeeze') {
    if (!given && node.input[1]) return undefined;
    const axes = given?.map((axis) => (axis < 0 ? axis + dims.length : axis));
    return dims.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1));
  }
  if (!given) return undefined;
  const rank = dims.length + given.length;
  const axes = new Set(given.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!));
}

/** Both shapes broadcast, aligned at their ends. */
function expandedDims(dims: readonly number[], shape: readonly number[]): number[] {
  const rank = Math.max(dims.length, shape.length);
  const sizes = [dims, shape].map((each) => [...Array<number>(rank - each.length).fill(1), ...each]);
  return sizes[0]!.map((size, axis) => (size === 1 ? sizes[1]![axis]! : size));
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
  const x = resolveConstant(node.input[0] ?? '', scopes);
  const steps = x && stepsOf(node, x, scopes);
  // Without a zero point `output_dtype` says the type, from opset 21 on.
  const elementType =
    steps?.zeroPointType ?? findElementType(readInt(node, 'output_dtype', 0) || 2)?.name ?? '';
  if (!(x?.data instanceof Float32Array) || !steps) return undefined;
  if (elementType !== 'int8' && elementType !== 'uint8') return undefined;
  const [least, most] = elementType === 'int8' ? [-128, 127] : [0, 255];
  const data = new (elementType === 'int8' ? Int8Array : Uint8Array)(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const code = roundHalfEven(Math.fround(x.data[i]! / steps.scaleOf(i))) + steps.zeroPointOf(i);
    data[i] = Math.min(most, Math.max(least, code));
  }
  return { elementType, dims: x.dims, data };
}

/** DequantizeLinear as ONNX defines it, on constant codes of 8 bits: (code − zero point) · scale. */
function dequantizeConstant(node: NodeProto, scopes: Scopes): Tensor | undefined {
  const codes = resolveConstant(node.input[0] ?? '', scopes);
  if (codes?.elementType !== 'int8' && codes?.elementType !== 'uint8') return undefined;
  const steps = stepsOf(node, codes, scopes);
  if (!steps) return undefined;
  const data = Float32Array.from(
    codes.data as ArrayLike<number>,
    (code, i) => (code - steps.zeroPointOf(i)) * steps.scaleOf(i),
  );
  return { elementType: 'float32', dims: codes.dims, data };
}

interface Steps {
  readonly scaleOf: (element: number) => number;
  readonly zeroPointOf: (element: number) => number;
  readonly zeroPointType: string | undefined;
}

/** Scale and zero point of each element, per tensor or per channel; undefined where they are not constant float32, or by blocks. */
function stepsOf(node: NodeProto, { dims }: Tensor, scopes: Scopes): Steps | undefined {
  const scale = resolveConstant(node.input[1] ?? '', scopes);
  const zeroPoint = node.input[2] ? resolveConstant(node.input[2], scopes) : undefined;
  if (!(scale?.data instanceof Float32Array) || (node.input[2] && !zeroPoint)) return undefined;
  const axis = readInt(node, 'axis', 1);
  const at = axis < 0 ? axis + dims.length : axis;
  const inner = countElements(dims.slice(at + 1));
  const channels = scale.data.length;
  if (channels > 1 && (scale.dims.length !== 1 || channels !== dims[at])) return undefined;
  const channelOf = (element: number): number => Math.floor(element / inner) % channels;
  return {
    scaleOf: (element) => Number(scale.data[channelOf(element)]),
    zeroPointOf: (element) =>
      Number(zeroPoint?.data[zeroPoint.data.length > 1 ? channelOf(element) : 0] ?? 0),
    zeroPointType: zeroPoint?.elementType,
  };
}
