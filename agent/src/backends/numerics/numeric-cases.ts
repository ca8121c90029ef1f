import { encodeModel, type ModelConstant } from './encode-model.ts';

/** One operator with inputs whose exact answer is known, and the other answers that kernels are known to give. */
export interface NumericCase {
  readonly id: string;
  readonly model: Uint8Array;
  readonly input: {
    readonly name: string;
    readonly elementType: string;
    readonly data: Float32Array | Uint8Array | Int8Array;
    readonly dims: readonly number[];
  };
  readonly output: string;
  /** As ONNX defines the operator, rounding half to even. */
  readonly exact: readonly number[];
  /** Where pairs of products along K are added in saturated 16 bits (VPMADDUBSW: x86 without VNNI). */
  readonly saturating?: readonly number[];
}

const floatType = 1;
const uint8Type = 2;
const int8Type = 3;
const int32Type = 6;
const k = 64;
const columns = 8;
/** Codes as large as they get, but that no sum lies on a tie. */
const largeCode = 251;

/**
 * What a fingerprint consists of: products of unsigned and signed codes in all pairings that networks use, a
 * convolution with a scale per channel, the rounding of QuantizeLinear at .5, and that of requantization.
 */
export function numericCases(): NumericCase[] {
  return [
    productCase('u8s8', { input: uint8Type, weights: int8Type }),
    productCase('u8u8', { input: uint8Type, weights: uint8Type }),
    productCase('s8s8', { input: int8Type, weights: int8Type }),
    convolutionCase(),
    roundingCase(),
    requantizationCase(),
  ];
}

interface Pairing {
  readonly input: number;
  readonly weights: number;
}

/** MatMulInteger [2, 64] × [64, 8]: sums in int32. */
function productCase(id: string, { input: inputType, weights: weightType }: Pairing): NumericCase {
  const signed = inputType === int8Type;
  const input = inputRows(signed);
  const weights = weightColumns(weightType === int8Type);
  const sum = (add: (row: number, column: number) => number): number[] =>
    Array.from({ length: 2 * columns }, (_, i) => add(Math.floor(i / columns), i % columns));
  return {
    id,
    model: encodeModel({
      operator: 'MatMulInteger',
      operands: ['a', 'b'],
      constants: [{ name: 'b', type: weightType, dims: [k, columns], data: weights }],
      input: { name: 'a', type: inputType, dims: [2, k] },
      output: { name: 'y', type: int32Type, dims: [2, columns] },
    }),
    input: { name: 'a', elementType: signed ? 'int8' : 'uint8', data: input, dims: [2, k] },
    output: 'y',
    exact: sum((row, column) => dot(input, weights, { row, column }, (value) => value)),
    // Only products of unsigned with signed codes go through 16 bits.
    ...(id === 'u8s8' && {
      saturating: sum((row, column) => dot(input, weights, { row, column }, clampToInt16)),
    }),
  };
}

/** QLinearConv 1×1 over 64 channels with one weight scale per output channel. */
function convolutionCase(): NumericCase {
  const weights = weightColumns(true);
  const filters = Int8Array.from(
    { length: columns * k },
    (_, i) => weights[(i % k) * columns + Math.floor(i / k)]!,
  );
  const input = new Uint8Array(4 * k).fill(largeCode);
  const outputScale = 2 ** 14;
  const scales = Float32Array.from({ length: columns }, (_, channel) => 2 ** -(channel % 2));
  const outputs = (pair: (sum: number) => number): number[] =>
    Array.from({ length: 4 * columns }, (_, i) => {
      const column = Math.floor(i / 4);
      const total = dot(input.subarray(0, k), weights, { row: 0, column }, pair);
      return toUint8((total * scales[column]!) / outputScale + 128);
    });
  return {
    id: 'u8s8.conv',
    model: encodeModel({
      operator: 'QLinearConv',
      operands: ['a', 'one', 'zero', 'w', 'sw', 'zw', 'sy', 'zy'],
      attributes: { kernel_shape: [1, 1] },
      constants: [
        scalar('one', floatType, Float32Array.of(1)),
        scalar('zero', uint8Type, Uint8Array.of(0)),
        { name: 'w', type: int8Type, dims: [columns, k, 1, 1], data: filters },
        { name: 'sw', type: floatType, dims: [columns], data: scales },
        { name: 'zw', type: int8Type, dims: [columns], data: new Int8Array(columns) },
        scalar('sy', floatType, Float32Array.of(outputScale)),
        scalar('zy', uint8Type, Uint8Array.of(128)),
      ],
      input: { name: 'a', type: uint8Type, dims: [1, k, 2, 2] },
      output: { name: 'y', type: uint8Type, dims: [1, columns, 2, 2] },
    }),
    input: { name: 'a', elementType: 'uint8', data: input, dims: [1, k, 2, 2] },
    output: 'y',
    exact: outputs((sum) => sum),
    saturating: outputs(clampToInt16),
  };
}

/** QuantizeLinear of halves. */
function roundingCase(): NumericCase {
  const data = Float32Array.of(0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 1.25, -1.75, 300, -300);
  const dims = [data.length];
  return {
    id: 'rounding',
    model: encodeModel({
      operator: 'QuantizeLinear',
      operands: ['a', 'scale', 'zero'],
      constants: [
        scalar('scale', floatType, Float32Array.of(1)),
        scalar('zero', uint8Type, Uint8Array.of(128)),
      ],
      input: { name: 'a', type: floatType, dims },
      output: { name: 'y', type: uint8Type, dims },
    }),
    input: { name: 'a', elementType: 'float32', data, dims },
    output: 'y',
    exact: Array.from(data, (value) => toUint8(value + 128)),
  };
}

/** QLinearMatMul whose sums are all odd and whose scale is ½: every output lies on a tie. */
function requantizationCase(): NumericCase {
  const weights = Int8Array.of(1, 3, -1, -3, 5, -5, 7, -7);
  const input = Uint8Array.of(1, 3, 5, 7);
  const dims = [input.length, 1];
  return {
    id: 'requantization',
    model: encodeModel({
      operator: 'QLinearMatMul',
      operands: ['a', 'half', 'zero', 'b', 'one', 'zb', 'one', 'zy'],
      constants: [
        { name: 'b', type: int8Type, dims: [1, weights.length], data: weights },
        scalar('half', floatType, Float32Array.of(0.5)),
        scalar('one', floatType, Float32Array.of(1)),
        scalar('zero', uint8Type, Uint8Array.of(0)),
        scalar('zb', int8Type, Int8Array.of(0)),
        scalar('zy', uint8Type, Uint8Array.of(128)),
      ],
      input: { name: 'a', type: uint8Type, dims },
      output: { name: 'y', type: uint8Type, dims: [input.length, weights.length] },
    }),
    input: { name: 'a', elementType: 'uint8', data: input, dims },
    output: 'y',
    exact: Array.from(input).flatMap((code) =>
      Array.from(weights, (weight) => toUint8((code * weight) / 2 + 128)),
    ),
  };
}

/** Row 0: the largest codes; row 1: codes of all sizes. */
function inputRows(signed: boolean): Uint8Array | Int8Array {
  const codes = Array.from({ length: 2 * k }, (_, i) => (i < k ? largeCode : (i * 37) % 256));
  return signed ? Int8Array.from(codes, (code) => Math.trunc(code / 2)) : Uint8Array.from(codes);
}

/** [64, 8]: large positive, large negative, of both signs in turn, and mixed columns. */
function weightColumns(signed: boolean): Int8Array | Uint8Array {
  const weights = Array.from({ length: k * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return [127, -127, row % 2 === 0 ? 127 : -127, ((row * 29 + column) % 255) - 127][column % 4]!;
  });
  return signed ? Int8Array.from(weights) : Uint8Array.from(weights, (weight) => weight + 127);
}

type Codes = Uint8Array | Int8Array;

function dot(
  input: Codes,
  weights: Codes,
  { row, column }: { readonly row: number; readonly column: number },
  pair: (sum: number) => number,
): number {
  const product = (i: number): number => input[row * k + i]! * weights[i * columns + column]!;
  let total = 0;
  for (let i = 0; i < k; i += 2) total += pair(product(i) + product(i + 1));
  return total;
}

function clampToInt16(sum: number): number {
  return Math.max(-(2 ** 15), Math.min(2 ** 15 - 1, sum));
}

/** Rounds half to even, then clamps. */
function toUint8(value: number): number {
  const floor = Math.floor(value);
  const isTie = value - floor === 0.5;
  const rounded = isTie ? floor + (floor % 2) : Math.round(value);
  return Math.max(0, Math.min(255, rounded));
}

function scalar(name: string, type: number, data: ModelConstant['data']): ModelConstant {
  return { name, type, dims: [], data };
}
