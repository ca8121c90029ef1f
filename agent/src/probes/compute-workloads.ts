import { createRandom, type Random } from '@qfleet/shared/random.ts';
import { encodeModel, type ModelConstant } from '../backends/numerics/encode-model.ts';

/** What the compute probe can run: a float32 and an int8 matrix product, and an int8 convolution. */
export type WorkloadId = 'fp32' | 'int8' | 'int8.conv';

/** One operator that does almost nothing but multiply and add, and how to tell whether it did so rightly. */
export interface Workload {
  readonly model: Uint8Array;
  readonly input: { readonly name: string; readonly type: 'float32' | 'uint8'; readonly dims: number[] };
  readonly data: Float32Array | Uint8Array;
  readonly output: { readonly name: string; readonly dims: number[] };
  /** FLOP or OP of one run: two for each multiply-add. */
  readonly operations: number;
  /** What is wrong with an output, in words; undefined where all elements that were looked at are right. */
  check(output: ArrayLike<number>): string | undefined;
}

/**
 * `fp32`: MatMul, `size`³. `int8`: QLinearMatMul, `size`³, activations uint8 with zero point 128, weights int8.
 * `int8.conv`: QLinearConv 3×3 with padding, `size`/3 channels in and out over 28×28, the shape of most networks'
 * work. Weights are constants, as in a network, so that ONNX Runtime packs them once.
 *
 * u8×s8 is what ONNX Runtime's kernels are fastest at on x64: with AVX-512 VNNI and one thread QLinearMatMul u8×s8
 * reached 350 GOP/s, MatMulInteger u8×s8 300, QLinearMatMul s8×s8 29. Weights stay within −64…63: AVX2's pairwise
 * multiply-add saturates beyond, which is a property of a model's numbers and not of this device's speed.
 */
export function createWorkload(id: WorkloadId, size: number): Workload {
  const random = createRandom(1);
  if (id === 'fp32') return floatProduct(size, random);
  return id === 'int8' ? integerProduct(size, random) : integerConvolution(Math.floor(size / 3), random);
}

/** Elements that are compared with exact arithmetic. */
const checkedElements = 64;
const floatType = 1;
const uint8Type = 2;
const int8Type = 3;
const zeroPoint = 128;

function floatProduct(n: number, random: Random): Workload {
  const fill = (): Float32Array => Float32Array.from({ length: n * n }, () => 2 * random.next() - 1);
  const [data, weights] = [fill(), fill()];
  const dims = [n, n];
  return {
    model: encodeModel({
      operator: 'MatMul',
      operands: ['a', 'b'],
      constants: [{ name: 'b', type: floatType, dims, data: weights }],
      input: { name: 'a', type: floatType, dims },
      output: { name: 'y', type: floatType, dims },
    }),
    input: { name: 'a', type: 'float32', dims },
    data,
    output: { name: 'y', dims },
    operations: 2 * n ** 3,
    check: (output) =>
      checkElements(output, n * n, (index) => {
        const terms = productTerms({ data, weights, n, index });
        // The bound of a sum of n products in float32, in whatever order: n·ε·Σ|aᵢbᵢ| (Higham, Accuracy and
        // Stability of Numerical Algorithms, §3.1).
        return { expected: sum(terms), tolerance: n * 2 ** -24 * 2 * sum(terms.map(Math.abs)) };
      }),
  };
}

function integerProduct(n: number, random: Random): Workload {
  const [data, weights] = [activations(n * n, random), integerWeights(n * n, random)];
  const dims = [n, n];
  const scale = outputScale(n);
  return {
    model: encodeModel({
      operator: 'QLinearMatMul',
      operands: ['a', ...quantizedOperands],
      constants: quantizedConstants({ dims, weights, scale }),
      input: { name: 'a', type: uint8Type, dims },
      output: { name: 'y', type: uint8Type, dims },
    }),
    input: { name: 'a', type: 'uint8', dims },
    data,
    output: { name: 'y', dims },
    operations: 2 * n ** 3,
    check: (output) =>
      checkElements(output, n * n, (index) =>
        quantized(sum(productTerms({ data, weights, n, index, zero: zeroPoint })), scale),
      ),
  };
}

function integerConvolution(channels: number, random: Random): Workload {
  const inputDims = [1, channels, imageSide, imageSide];
  const elements = channels * imageSide ** 2;
  const terms = channels * 9;
  const [data, weights] = [activations(elements, random), integerWeights(channels * terms, random)];
  const scale = outputScale(terms);
  return {
    model: encodeModel({
      operator: 'QLinearConv',
      operands: ['a', ...quantizedOperands],
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      constants: quantizedConstants({ dims: [channels, channels, 3, 3], weights, scale }),
      input: { name: 'a', type: uint8Type, dims: inputDims },
      output: { name: 'y', type: uint8Type, dims: inputDims },
    }),
    input: { name: 'a', type: 'uint8', dims: inputDims },
    data,
    output: { name: 'y', dims: inputDims },
    // Products with the padding are counted, as everybody counts them.
    operations: 2 * elements * terms,
    check: (output) =>
      checkElements(output, elements, (index) =>
        quantized(convolve({ data, weights, channels, index }), scale),
      ),
  };
}

const imageSide = 28;
const quantizedOperands = ['one', 'za', 'b', 'one', 'zb', 'sy', 'za'] as const;

interface QuantizedWeights {
  readonly dims: readonly number[];
  readonly weights: Int8Array;
  readonly scale: number;
}

function quantizedConstants({ dims, weights, scale }: QuantizedWeights): ModelConstant[] {
  const scalar = (name: string, type: number, data: ModelConstant['data']): ModelConstant => ({
    name,
    type,
    dims: [],
    data,
  });
  return [
    { name: 'b', type: int8Type, dims, data: weights },
    scalar('one', floatType, Float32Array.of(1)),
    scalar('za', uint8Type, Uint8Array.of(zeroPoint)),
    scalar('zb', int8Type, Int8Array.of(0)),
    scalar('sy', floatType, Float32Array.of(scale)),
  ];
}

function activations(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function integerWeights(length: number, random: Random): Int8Array {
  return Int8Array.from({ length }, () => random.below(128) - 64);
}

/** A power of two with which sums of so many products of these numbers spread over the 8 bits of the output. */
function outputScale(terms: number): number {
  // One product deviates by 74 · 37, their sum by √terms of that; an eighth of the range is 32.
  return 2 ** Math.round(Math.log2((74 * 37 * Math.sqrt(terms)) / 32));
}

interface Expectation {
  readonly expected: number;
  readonly tolerance: number;
}

/** An exact sum as the operator stores it; one unit is left to the ways of rounding. */
function quantized(exactSum: number, scale: number): Expectation {
  return { expected: Math.min(255, Math.max(0, exactSum / scale + zeroPoint)), tolerance: 1 };
}

function checkElements(
  output: ArrayLike<number>,
  elements: number,
  expect: (index: number) => Expectation,
): string | undefined {
  if (output.length !== elements) return `${output.length} elements, not ${elements}`;
  for (let k = 0; k < checkedElements; k++) {
    // A stride that meets every part of the output, the last element among them.
    const index = elements - 1 - Math.floor((k * elements) / checkedElements);
    const { expected, tolerance } = expect(index);
    const found = output[index] ?? Number.NaN;
    if (!(Math.abs(found - expected) <= tolerance))
      return `element ${index} is ${found}, not ${expected} ± ${tolerance}`;
  }
  return undefined;
}

interface Product {
  readonly data: Float32Array | Uint8Array;
  readonly weights: Float32Array | Int8Array;
  readonly n: number;
  /** Of the output, row-major. */
  readonly index: number;
  readonly zero?: number;
}

function productTerms({ data, weights, n, index, zero = 0 }: Product): number[] {
  const [row, column] = [Math.floor(index / n), index % n];
  return Array.from({ length: n }, (_, k) => (data[row * n + k]! - zero) * weights[k * n + column]!);
}

interface Convolution {
  readonly data: Uint8Array;
  readonly weights: Int8Array;
  readonly channels: number;
  readonly index: number;
}

/** One output element of the 3×3 convolution with padding 1; channels first, exact integers. */
function convolve({ data, weights, channels, index }: Convolution): number {
  const plane = imageSide ** 2;
  const outputChannel = Math.floor(index / plane);
  const [row, column] = [Math.floor((index % plane) / imageSide), index % imageSide];
  let total = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let tap = 0; tap < 9; tap++) {
      const [y, x] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
      if (y < 0 || x < 0 || y >= imageSide || x >= imageSide) continue;
      const value = data[channel * plane + y * imageSide + x]! - zeroPoint;
      total += value * weights[(outputChannel * channels + channel) * 9 + tap]!;
    }
  }
  return total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
