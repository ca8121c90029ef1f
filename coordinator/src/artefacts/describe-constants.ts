import type { NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readInt } from '../onnx/attribute.ts';
import { findElementType } from '../onnx/element-type.ts';
import { countElements, readTensor } from '../onnx/tensor.ts';
import { subgraphs } from '../onnx/walk-graph.ts';
import type { FlatModel } from './describe-nodes.ts';

/** A tensor that is the same in every inference. */
export interface Constant {
  readonly elementType: string;
  readonly count: number;
  /** Absent where the file computes the shape. */
  readonly dims?: readonly number[];
  /** Its values, those of a fill once; absent where they would have to be computed. */
  readonly values?: () => ArrayLike<number | bigint>;
}

/** The constants of a model by name: initialisers, Constant nodes, and what nodes compute from these alone. */
export type Constants = ReadonlyMap<string, Constant>;

/** Finds a model's constants; of computed ones the element type and number, and values where they only move. */
export function findConstants(model: FlatModel): Constants {
  const found = new Map<string, Constant>();
  for (const [name, tensor] of model.initialisers) found.set(name, fromTensor(tensor));
  // Files need not be in order (ONNX Runtime's float16 converter writes some that are not): once more where
  // a pass found something, and at most as often as a chain of constants is long in practice.
  for (let pass = 0, before = -1; pass < maxPasses && found.size > before; pass++) {
    before = found.size;
    for (const node of model.nodes) addConstant(node, found);
  }
  return found;
}

const maxPasses = 8;

function addConstant(node: NodeProto, found: Map<string, Constant>): void {
  const output = node.output[0] ?? '';
  if (output === '' || found.has(output)) return;
  const constant = node.opType === 'Constant' ? fromConstantNode(node) : compute(node, found);
  if (constant) found.set(output, constant);
}

function fromTensor(tensor: TensorProto): Constant {
  const dims = tensor.dims.map(Number);
  return {
    elementType: typeOf(tensor.dataType),
    count: countElements(dims),
    dims,
    values: () => unpack(tensor),
  };
}

function fromConstantNode(node: NodeProto): Constant | undefined {
  const attribute = node.attribute[0];
  if (attribute?.name === 'value' && attribute.t) return fromTensor(attribute.t);
  const lists = {
    value_float: ['float32', [attribute?.f ?? 0], []],
    value_floats: ['float32', attribute?.floats ?? [], [attribute?.floats.length ?? 0]],
    value_int: ['int64', [attribute?.i ?? 0n], []],
    value_ints: ['int64', attribute?.ints ?? [], [attribute?.ints.length ?? 0]],
  } as const;
  const list = lists[attribute?.name as keyof typeof lists];
  if (!list) return undefined;
  const [elementType, values, dims] = list;
  return { elementType, count: values.length, dims, values: () => values };
}

function compute(node: NodeProto, found: ReadonlyMap<string, Constant>): Constant | undefined {
  const names = node.input.filter((name) => name !== '');
  const inputs = names.map((name) => found.get(name));
  const [first] = inputs;
  if (!first || subgraphs(node).length > 0 || inputs.includes(undefined)) return undefined;
  if (node.opType === 'ConstantOfShape') return fill(node, first);
  if (node.opType === 'Identity') return first;
  if (node.opType === 'Cast') return { ...first, elementType: typeOf(readInt(node, 'to', 1)) };
  const { dims: _, ...moved } = first;
  if (moving.has(node.opType)) return moved;
  const largest = inputs.reduce((a, b) => (b!.count > a!.count ? b : a))!;
  const { values: _values, ...rest } = largest;
  return { ...rest, elementType: resultType(node, first, inputs[1], found) };
}

/** Operators that change where values stand, not the values. */
const moving = new Set(['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Expand']);

function fill(node: NodeProto, shape: Constant): Constant {
  const value = findAttribute(node, 'value')?.t;
  const dims = shape.values ? Array.from(shape.values(), Number) : undefined;
  return {
    elementType: value ? typeOf(value.dataType) : 'float32',
    count: dims ? countElements(dims) : 1,
    ...(dims ? { dims } : {}),
    values: () => (value ? unpack(value) : [0]),
  };
}

function resultType(
  node: NodeProto,
  first: Constant,
  second: Constant | undefined,
  found: ReadonlyMap<string, Constant>,
): string {
  if (node.opType === 'QuantizeLinear') return quantizedType(node, found);
  if (node.opType === 'DequantizeLinear') return second?.elementType ?? 'float32';
  return first.elementType;
}

/** What QuantizeLinear gives: as its zero point, or `output_dtype`, or uint8 (ONNX operator specification). */
export function quantizedType(node: NodeProto, constants: ReadonlyMap<string, Constant>): string {
  const zeroPoint = constants.get(node.input[2] ?? '');
  const declared = readInt(node, 'output_dtype', 0);
  return zeroPoint?.elementType ?? (declared === 0 ? 'uint8' : typeOf(declared));
}

function typeOf(code: number): string {
  return findElementType(code)?.name ?? `type ${code}`;
}

/** Values of a tensor, also of the types under 8 bits, which lie low bits first in each byte. */
function unpack(tensor: TensorProto): ArrayLike<number | bigint> {
  const type = findElementType(tensor.dataType);
  const bits = type?.bits ?? 0;
  if (bits >= 8) return type!.name.startsWith('float8') ? tensor.rawData : readTensor(tensor).data;
  const bytes = tensor.rawData.length > 0 ? tensor.rawData : tensor.int32Data;
  const isSigned = type?.name.startsWith('int') ?? false;
  return unpackBits(bytes, { bits: bits || 8, count: countElements(tensor.dims.map(Number)), isSigned });
}

/** Numbers of less than 8 bits, several to a byte. */
export function unpackBits(
  bytes: ArrayLike<number>,
  form: { readonly bits: number; readonly count: number; readonly isSigned: boolean },
): Int16Array {
  const perByte = 8 / form.bits;
  const values = new Int16Array(form.count);
  for (let i = 0; i < form.count; i++) {
    const shift = form.bits * (i % perByte);
    const raw = ((bytes[Math.floor(i / perByte)] ?? 0) >> shift) & (2 ** form.bits - 1);
    values[i] = form.isSigned && raw >= 2 ** (form.bits - 1) ? raw - 2 ** form.bits : raw;
  }
  return values;
}
