import type { NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { readFloat, readInt } from '../../onnx/attribute.ts';
import { readFloats } from '../../onnx/tensor.ts';
import type { Constant, ConstantScope } from './constant-scope.ts';
import { transpose } from './transpose.ts';

/** A MatMul or Gemm x · W (+ bias) with constant weights W of `rows` (K) times `columns` (N). */
export interface MatrixProduct {
  readonly node: NodeProto;
  readonly input: string;
  readonly weight: Constant;
  /** Whether the file holds W as [N, K]. */
  readonly isTransposed: boolean;
  readonly rows: number;
  readonly columns: number;
  /** Of Gemm; whatever ONNX can spread over [M, N]. */
  readonly bias: string | undefined;
}

/** A MatMul or Gemm that stays as it is, and why. */
export interface KeptProduct {
  readonly reason: string;
}

/** How a node fits `MatrixProduct`; undefined where it is no MatMul or Gemm at all. */
export function matchMatrixProduct(
  node: NodeProto,
  scope: ConstantScope,
): MatrixProduct | KeptProduct | undefined {
  const isOnnx = node.domain === '' || node.domain === 'ai.onnx';
  if (!isOnnx || (node.opType !== 'MatMul' && node.opType !== 'Gemm')) return undefined;
  const [input = '', weightName = '', bias = ''] = node.input;
  const weight = scope.find(weightName);
  if (weight?.tensor.dataType !== float32) return { reason: 'its weights are not constant float32' };
  if (scope.find(input)) return { reason: 'both its inputs are constant' };
  const dims = weight.tensor.dims.map(Number);
  if (dims.length !== 2) return { reason: `its weights have ${dims.length} dimensions, not 2` };
  if (dims.includes(0)) return { reason: 'its weights are empty' };
  const isTransposed = node.opType === 'Gemm' && readInt(node, 'transB', 0) !== 0;
  const reason = node.opType === 'Gemm' ? unusualGemm(node, bias !== '') : undefined;
  if (reason) return { reason };
  const [rows, columns] = isTransposed ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  return { node, input, weight, isTransposed, rows, columns, bias: bias === '' ? undefined : bias };
}

/** W as [K, N], row-major; a copy where the file has it transposed. */
export function readMatrix({ weight, isTransposed, rows, columns }: MatrixProduct): Float32Array {
  const values = readFloats(weight.tensor);
  return isTransposed ? transpose(values, columns, rows) : values;
}

/** TensorProto.FLOAT */
const float32 = 1;

function unusualGemm(node: NodeProto, hasBias: boolean): string | undefined {
  if (readInt(node, 'transA', 0) !== 0) return 'it transposes its input';
  if (readFloat(node, 'alpha', 1) !== 1 || (hasBias && readFloat(node, 'beta', 1) !== 1))
    return 'its alpha or beta is not 1';
  return undefined;
}
