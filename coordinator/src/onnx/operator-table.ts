import type { NodeProto } from '../../gen/onnx/onnx_pb.js';
import { readInt } from './attribute.ts';
import { elementBytes } from './element-type.ts';
import { elementCount, type TensorType } from './shapes.ts';

export interface OperatorCost {
  readonly name: string;
  readonly operator: string;
  /** Multiply-accumulates of one inference; 0 for operators without; undefined where shapes do not tell. */
  readonly macs: number | undefined;
  /** Distinct inputs, weights and outputs, each moved once, bytes; undefined where shapes do not tell. */
  readonly compulsoryBytes: number | undefined;
}

/**
 * Cost of one operator from its tensors' shapes. Multiply-accumulates as onnx-tool counts them: Conv
 * N·Cout·Hout·Wout·(Cin/groups)·Kh·Kw, MatMul and Gemm B·M·N·K, and their quantized forms; one such is two
 * operations. Recurrent and attention operators have no count here: `isUncounted`.
 */
export function costOperator(node: NodeProto, types: ReadonlyMap<string, TensorType>): OperatorCost {
  const shapeOf = (name: string | undefined): Shape => types.get(name ?? '')?.shape;
  return {
    name: node.name,
    operator: node.opType,
    macs: isUncounted(node)
      ? undefined
      : (counters[node.opType]?.(node, shapeOf) ?? (counters[node.opType] ? undefined : 0)),
    compulsoryBytes: countBytes(node, types),
  };
}

/** True for operators that multiply and accumulate, and that this table has no formula for. */
export function isUncounted(node: NodeProto): boolean {
  return /^(LSTM|GRU|RNN|DynamicQuantizeLSTM|Q?Attention|MultiHeadAttention|Einsum|DeformConv|If|Loop|Scan)$/.test(
    node.opType,
  );
}

type Shape = readonly (number | string)[] | undefined;
type Counter = (node: NodeProto, shapeOf: (name: string | undefined) => Shape) => number | undefined;

/** Output elements times the weights that make one of them. */
const countConv =
  (weightInput: number): Counter =>
  (node, shapeOf) =>
    multiply(count(shapeOf(node.output[0])), count(shapeOf(node.input[weightInput])?.slice(1)));

/** Input elements times the weights that each of them meets. */
const countConvTranspose: Counter = (node, shapeOf) =>
  multiply(count(shapeOf(node.input[0])), count(shapeOf(node.input[1])?.slice(1)));

const countMatMul: Counter = (node, shapeOf) =>
  multiply(count(shapeOf(node.output[0])), known(shapeOf(node.input[0])?.at(-1)));

const countGemm: Counter = (node, shapeOf) => {
  const isTransposed = readInt(node, 'transA', 0) === 1;
  return multiply(count(shapeOf(node.output[0])), known(shapeOf(node.input[0])?.at(isTransposed ? 0 : -1)));
};

/** Weights are packed: their depth is an attribute. */
const countMatMulNBits: Counter = (node, shapeOf) =>
  multiply(count(shapeOf(node.output[0])), readInt(node, 'K', 0) || undefined);

const counters: Readonly<Record<string, Counter>> = {
  Conv: countConv(1),
  FusedConv: countConv(1),
  NhwcFusedConv: countConv(1),
  ConvInteger: countConv(1),
  QLinearConv: countConv(3),
  ConvTranspose: countConvTranspose,
  Gemm: countGemm,
  FusedGemm: countGemm,
  QGemm: countGemm,
  MatMul: countMatMul,
  FusedMatMul: countMatMul,
  MatMulInteger: countMatMul,
  MatMulIntegerToFloat: countMatMul,
  DynamicQuantizeMatMul: countMatMul,
  QLinearMatMul: countMatMul,
  MatMulNBits: countMatMulNBits,
};

function countBytes(node: NodeProto, types: ReadonlyMap<string, TensorType>): number | undefined {
  let bytes = 0;
  for (const name of new Set([...node.input, ...node.output])) {
    if (name === '') continue;
    const type = types.get(name);
    const elements = count(type?.shape);
    if (!type || elements === undefined) return undefined;
    bytes += elementBytes(type.elementType, elements);
  }
  return bytes;
}

function count(shape: Shape): number | undefined {
  return shape ? elementCount(shape) : undefined;
}

function known(size: number | string | undefined): number | undefined {
  return typeof size === 'number' ? size : undefined;
}

function multiply(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b;
}
