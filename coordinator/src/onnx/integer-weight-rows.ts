import type { GraphProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { findAttribute, readInt } from './attribute.ts';
import { type GraphIndex, indexGraph } from './graph-index.ts';
import { countElements, readTensor } from './tensor.ts';

/** The int8 weight of an operator that runs on a kernel of uint8 times int8. */
export interface IntegerWeight {
  readonly node: NodeProto;
  /** Output channels. */
  readonly channels: number;
  /**
   * The weights that one output channel sums, in the kernel's order along K. Conv: for each place of the kernel all
   * input channels of the group. A weight with leading dimensions has one row for each of its matrices.
   */
  readonly rowsOf: (channel: number) => Int8Array[];
}

/**
 * Finds the int8 weights, as initialisers or Constants, that ONNX Runtime multiplies by uint8 activations. int8
 * activations become uint8 first on x64 (`QDQS8ToU8Transformer`), so the activation's sign does not matter. Left
 * out: operators whose activation is not quantized to 8 bits, which run in float; depthwise convolutions, whose
 * kernel has 32 bits throughout; ConvInteger, where the weights are the left operand of the product and so
 * go to another kernel.
 */
export function listIntegerWeights(graph: GraphProto): IntegerWeight[] {
  const index = indexGraph(graph);
  return graph.node.flatMap((node) => {
    const weight = findInt8Weight(node, index);
    if (!weight || isDepthwise(node, weight)) return [];
    return [node.opType.endsWith('Conv') ? convRows(node, weight) : matrixRows(node, weight)];
  });
}

/** Position of the weight among the inputs, and whether the operator is an integer one without Q/DQ around it. */
const weightInputs: Readonly<Record<string, { readonly input: number; readonly isInteger: boolean }>> = {
  Conv: { input: 1, isInteger: false },
  Gemm: { input: 1, isInteger: false },
  MatMul: { input: 1, isInteger: false },
  MatMulInteger: { input: 1, isInteger: true },
  MatMulIntegerToFloat: { input: 1, isInteger: true },
  DynamicQuantizeMatMul: { input: 1, isInteger: true },
  QLinearConv: { input: 3, isInteger: true },
  QLinearMatMul: { input: 3, isInteger: true },
  QGemm: { input: 3, isInteger: true },
};

function findInt8Weight(node: NodeProto, index: GraphIndex): TensorProto | undefined {
  const place = Object.hasOwn(weightInputs, node.opType) ? weightInputs[node.opType]! : undefined;
  if (!place || (!place.isInteger && !isDequantized(node.input[0]!, index))) return undefined;
  const name = node.input[place.input] ?? '';
  const tensor = findConstant(place.isInteger ? name : dequantizedFrom(name, index), index);
  return tensor?.dataType === 3 && tensor.dims.length >= 2 ? tensor : undefined;
}

/** True where the tensor comes from 8-bit codes. Without a zero point its type cannot be told: it is then taken for 8 bits. */
function isDequantized(name: string, index: GraphIndex): boolean {
  const producer = index.producers.get(name);
  if (producer?.opType !== 'DequantizeLinear') return false;
  const zeroPoint = findConstant(producer.input[2] ?? '', index);
  return zeroPoint === undefined || zeroPoint.dataType === 2 || zeroPoint.dataType === 3;
}

function dequantizedFrom(name: string, index: GraphIndex): string {
  const producer = index.producers.get(name);
  return producer?.opType === 'DequantizeLinear' ? producer.input[0]! : '';
}

function findConstant(name: string, index: GraphIndex): TensorProto | undefined {
  const producer = index.producers.get(name);
  return producer?.opType === 'Constant' ? findAttribute(producer, 'value')?.t : index.initialisers.get(name);
}

/** One input and one output channel per group; with more of either, ONNX Runtime takes the matrix kernel. */
function isDepthwise(node: NodeProto, weight: TensorProto): boolean {
  const group = readInt(node, 'group', 1);
  return (
    node.opType.endsWith('Conv') && group > 1 && weight.dims[1] === 1n && Number(weight.dims[0]) === group
  );
}

/** [M, C / group, ...kernel] to rows of kernel place × input channel: `ReorderFilter` in qlinearconv.cc. */
function convRows(node: NodeProto, tensor: TensorProto): IntegerWeight {
  const { data, dims } = readTensor(tensor);
  const weights = data as Int8Array;
  const [channels, inputs, places] = [dims[0]!, dims[1]!, countElements(dims.slice(2))];
  const rowOf = (channel: number): Int8Array => {
    const row = new Int8Array(places * inputs);
    for (let input = 0; input < inputs; input++) {
      const start = (channel * inputs + input) * places;
      for (let place = 0; place < places; place++) row[place * inputs + input] = weights[start + place]!;
    }
    return row;
  };
  return { node, channels, rowsOf: (channel) => [rowOf(channel)] };
}

/** [..., K, N], or [N, K] where Gemm transposes it, to one row of K for each column of each matrix. */
function matrixRows(node: NodeProto, tensor: TensorProto): IntegerWeight {
  const { data, dims } = readTensor(tensor);
  const weights = data as Int8Array;
  const isTransposed = readInt(node, 'transB', 0) === 1;
  const [k, n] = isTransposed ? [dims.at(-1)!, dims.at(-2)!] : [dims.at(-2)!, dims.at(-1)!];
  const matrices = countElements(dims.slice(0, -2));
  const [rowStep, columnStep] = isTransposed ? [1, k] : [n, 1];
  const rowOf = (matrix: number, column: number): Int8Array => {
    const row = new Int8Array(k);
    const start = matrix * k * n + column * columnStep;
    for (let i = 0; i < k; i++) row[i] = weights[start + i * rowStep]!;
    return row;
  };
  const rowsOf = (column: number): Int8Array[] =>
    Array.from({ length: matrices }, (_, matrix) => rowOf(matrix, column));
  return { node, channels: n, rowsOf };
}
