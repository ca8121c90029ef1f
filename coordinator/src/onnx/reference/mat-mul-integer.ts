import { QfleetError } from '@qfleet/shared/errors.ts';
import { countElements } from '../tensor.ts';
import { createValue, type Value } from './value.ts';

export interface MatMulIntegerInputs {
  /** 8 bits, [..., M, K]. */
  readonly a: Value;
  /** 8 bits, [..., K, N]. */
  readonly b: Value;
  /** One, or one per row of a: [M] or [..., M, 1]. */
  readonly aZeroPoint?: Value | undefined;
  /** One, or one per column of b: [N] or [..., 1, N]. */
  readonly bZeroPoint?: Value | undefined;
}

/**
 * The int32 matrix product of a - aZeroPoint and b - bZeroPoint, [..., M, N], with numpy.matmul's rules for leading
 * dimensions and vectors. Sums are exact and then wrap to 32 bits, as integer hardware does. Throws
 * `shape-mismatch`. Source: MatMulInteger-10 in ONNX's Operators.md.
 */
export function matMulInteger({ a, b, aZeroPoint, bZeroPoint }: MatMulIntegerInputs): Value {
  const { batch, m, k, n, dims } = planMatMul(a.dims, b.dims);
  const data = new Int32Array(countElements(dims));
  for (let i = 0; i < data.length; i++) {
    const [matrix, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
    const rowOfA = broadcastIndex(matrix, batch, a.dims.slice(0, -2)) * m + row;
    const matrixOfB = broadcastIndex(matrix, batch, b.dims.slice(0, -2));
    const aZero = parameterOf(aZeroPoint, rowOfA, m);
    const bZero = parameterOf(bZeroPoint, matrixOfB * n + column, n);
    let sum = 0;
    for (let p = 0; p < k; p++) {
      sum += (a.data[rowOfA * k + p]! - aZero) * (b.data[(matrixOfB * k + p) * n + column]! - bZero);
    }
    data[i] = sum | 0;
  }
  return createValue('int32', dims, data);
}

/** A scale or zero point of one row or column: there is one for all, one for each, or one for each of every matrix. */
export function parameterOf(parameter: Value | undefined, index: number, count: number): number {
  if (!parameter) return 0;
  const { length } = parameter.data;
  return parameter.data[length === 1 ? 0 : length === count ? index % count : index]!;
}

interface MatMulPlan {
  readonly batch: readonly number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly dims: readonly number[];
}

/** Shapes of a product: a vector counts as one row or one column, which the result then lacks. */
function planMatMul(a: readonly number[], b: readonly number[]): MatMulPlan {
  const [m, k] = a.length === 1 ? [1, a[0]!] : [a.at(-2)!, a.at(-1)!];
  const [rowsOfB, n] = b.length === 1 ? [b[0]!, 1] : [b.at(-2)!, b.at(-1)!];
  if (k !== rowsOfB) {
    throw new QfleetError('shape-mismatch', `Cannot multiply [${a.join(', ')}] by [${b.join(', ')}].`);
  }
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2));
  const dims = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  return { batch, m, k, n, dims };
}

function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [left, right] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (left === right || left === 1 || right === 1) return left === 1 ? right : left;
    throw new QfleetError('shape-mismatch', `Cannot broadcast [${a.join(', ')}] with [${b.join(', ')}].`);
  });
}

/** Which matrix of an operand belongs to a matrix of the result: dimensions of 1 are repeated. */
function broadcastIndex(index: number, batch: readonly number[], dims: readonly number[]): number {
  let [rest, found, stride] = [index, 0, 1];
  for (let i = 1; i <= dims.length; i++) {
    const [size, own] = [batch.at(-i)!, dims.at(-i)!];
    found += (own === 1 ? 0 : rest % size) * stride;
    rest = Math.floor(rest / size);
    stride *= own;
  }
  return found;
}
