import { createRandom } from '@qfleet/shared/random.ts';
import type {
  AttributeProto,
  ModelProto,
  NodeProto,
  TensorProto,
} from '../../coordinator/gen/onnx/onnx_pb.js';
import { intAttribute } from '../../coordinator/src/onnx/attribute.ts';
import { elementTypeNamed } from '../../coordinator/src/onnx/element-type.ts';
import { buildModel, buildNode } from '../../coordinator/src/onnx/fixtures/build-model.ts';
import { convInteger } from '../../coordinator/src/onnx/reference/conv-integer.ts';
import { matMulInteger } from '../../coordinator/src/onnx/reference/mat-mul-integer.ts';
import { computeMultiplier, requantize } from '../../coordinator/src/onnx/reference/requantize.ts';
import { createValue, type Value } from '../../coordinator/src/onnx/reference/value.ts';
import { countElements, createTensor } from '../../coordinator/src/onnx/tensor.ts';
import type { PlainTensor } from './run-model.ts';

/** One operator with int8 weights and its uint8 input: row or image 0 is all 255, the other, where there is one, random. */
export interface Probe {
  /** Name of the node and of its output. */
  readonly name: string;
  readonly feed: Value;
  /** The exact int32 sums, row or image by output channel. */
  readonly sums: Value;
  /** From an int32 sum to what the operator puts out. */
  readonly output: (sum: number, channel: number) => number;
  readonly nodes: readonly NodeProto[];
  readonly initialisers: readonly TensorProto[];
  readonly outputType: 'int32' | 'uint8';
}

interface ConvShape {
  readonly inputs: number;
  readonly channels: number;
  readonly kernel: number;
  readonly group?: number;
}

/** Convolutions that take ONNX Runtime's different ways: without im2col, with it and an odd K, in groups, depthwise, pointwise. */
const convShapes: Readonly<Record<string, ConvShape>> = {
  'conv-direct': { inputs: 16, channels: 16, kernel: 3 },
  'conv-im2col': { inputs: 3, channels: 8, kernel: 3 },
  'conv-groups': { inputs: 6, channels: 10, kernel: 3, group: 2 },
  'conv-multiplier': { inputs: 4, channels: 8, kernel: 3, group: 4 },
  'conv-depthwise': { inputs: 16, channels: 16, kernel: 3, group: 16 },
  'conv-pointwise': { inputs: 7, channels: 16, kernel: 1 },
};

/**
 * Operators of every way through the kernels. `bits` 8: the weights of channel c go by c modulo 4: large of
 * one sign, positive or negative, so that pairs overflow; 1, 127, 127, 1 in the kernel's order, so that pairs overflow only
 * if they are taken at odd places; random. `bits` 7: the same, halved, as with a reduced range.
 */
export function buildProbes(bits: 7 | 8): Probe[] {
  const draw = (k: number, channels: number, seed: number): Int8Array[] => {
    const random = createRandom(seed);
    return Array.from({ length: channels }, (_, channel) =>
      Int8Array.from({ length: k }, (_, i) => {
        const large = 70 + random.below(58);
        const weight = [large, -large, i % 4 === 1 || i % 4 === 2 ? 127 : 1, random.below(256) - 128];
        return bits === 8 ? weight[channel % 4]! : Math.trunc(weight[channel % 4]! / 2);
      }),
    );
  };
  return [
    matMulProbe('matmul', 2, draw(67, 20, 1)),
    matMulProbe('matmul-row', 1, draw(64, 37, 2)),
    gemmProbe('gemm', draw(67, 20, 21)),
    ...Object.entries(convShapes).map(([name, shape], i) => {
      const k = (shape.inputs / (shape.group ?? 1)) * shape.kernel ** 2;
      return convProbe(name, shape, draw(k, shape.channels, 3 + i));
    }),
    convIntegerProbe('conv-integer', { inputs: 8, channels: 8, kernel: 3 }, draw(72, 8, 20)),
  ];
}

/** All probes in one model, so that one emulated process runs them all. */
export function joinProbes(probes: readonly Probe[]): {
  model: ModelProto;
  feeds: Record<string, PlainTensor>;
} {
  const model = buildModel({
    opset: 13,
    nodes: probes.flatMap(({ nodes }) => nodes),
    initialisers: probes.flatMap(({ initialisers }) => initialisers),
    inputs: Object.fromEntries(probes.map(({ name, feed }) => [`${name}.x`, feed.dims])),
    outputs: Object.fromEntries(probes.map(({ name, sums }) => [name, sums.dims])),
  });
  for (const [i, { outputType }] of probes.entries()) {
    const [input, output] = [model.graph!.input[i]!.type!.value, model.graph!.output[i]!.type!.value];
    if (input.case === 'tensorType') input.value.elemType = elementTypeNamed('uint8').code;
    if (output.case === 'tensorType') output.value.elemType = elementTypeNamed(outputType).code;
  }
  const feeds = probes.map(({ name, feed }) => [
    `${name}.x`,
    { type: 'uint8', dims: feed.dims, data: Array.from(feed.data) },
  ]);
  return { model, feeds: Object.fromEntries(feeds) };
}

/** [rows, K] times the int8 constant [K, N], its columns given. */
function matMulProbe(name: string, rows: number, columns: readonly Int8Array[]): Probe {
  const [k, n] = [columns[0]!.length, columns.length];
  const weights = Int8Array.from({ length: k * n }, (_, i) => columns[i % n]![Math.floor(i / n)]!);
  const feed = createValue('uint8', [rows, k], drawCodes(rows, k));
  return {
    name,
    feed,
    sums: matMulInteger({ a: feed, b: createValue('int8', [k, n], weights) }),
    output: (sum) => sum,
    nodes: [buildNode('MatMulInteger', [`${name}.x`, `${name}.w`], [name])],
    initialisers: [createTensor(`${name}.w`, 'int8', [k, n], weights)],
    outputType: 'int32',
  };
}

function convIntegerProbe(name: string, shape: ConvShape, rows: readonly Int8Array[]): Probe {
  const { feed, weight, sums } = convolve(shape, rows);
  return {
    name,
    feed,
    sums,
    output: (sum) => sum,
    nodes: [buildNode('ConvInteger', [`${name}.x`, `${name}.w`], [name])],
    initialisers: [createTensor(`${name}.w`, 'int8', weight.dims, Int8Array.from(weight.data))],
    outputType: 'int32',
  };
}

function convProbe(name: string, shape: ConvShape, rows: readonly Int8Array[]): Probe {
  const { feed, weight, sums } = convolve(shape, rows);
  return qdqProbe({ name, feed, weight, sums }, 'Conv', intAttribute('group', shape.group ?? 1));
}

/** [2, K] times the int8 constant [N, K] transposed, its rows given. */
function gemmProbe(name: string, rows: readonly Int8Array[]): Probe {
  const [k, n] = [rows[0]!.length, rows.length];
  const weight = createValue('int8', [n, k], Int8Array.from(rows.flatMap((row) => [...row])));
  const feed = createValue('uint8', [2, k], drawCodes(2, k));
  const columns = Int8Array.from({ length: k * n }, (_, i) => rows[i % n]![Math.floor(i / n)]!);
  const sums = matMulInteger({ a: feed, b: createValue('int8', [k, n], columns) });
  return qdqProbe({ name, feed, weight, sums }, 'Gemm', intAttribute('transB', 1));
}

/**
 * An operator in QDQ form, input and output uint8, channels along the weight's first axis. Input scale 1, zero point 0;
 * each channel's weight scale lets its sum for all 255 come out 100 codes from the zero point 128, so that a
 * lost part of it shows.
 */
function qdqProbe(
  { name, feed, weight, sums }: Pick<Probe, 'name' | 'feed' | 'sums'> & { readonly weight: Value },
  opType: string,
  attribute: AttributeProto,
): Probe {
  const channels = weight.dims[0]!;
  const scales = Float32Array.from(
    { length: channels },
    (_, channel) => 100 / Math.max(1, Math.abs(sums.data[channel]!)),
  );
  const output = (sum: number, channel: number): number => {
    const multiplier = computeMultiplier(1, scales[channel]!, 1);
    return requantize(sum, { multiplier, zeroPoint: 128, elementType: 'uint8' });
  };
  return {
    name,
    feed,
    sums,
    output,
    nodes: [
      buildNode('DequantizeLinear', [`${name}.x`, `${name}.one`, `${name}.zero`], [`${name}.xd`]),
      buildNode(
        'DequantizeLinear',
        [`${name}.w`, `${name}.s`, `${name}.z`],
        [`${name}.wd`],
        [intAttribute('axis', 0)],
      ),
      buildNode(opType, [`${name}.xd`, `${name}.wd`], [`${name}.y`], [attribute]),
      buildNode('QuantizeLinear', [`${name}.y`, `${name}.one`, `${name}.mid`], [name]),
    ],
    initialisers: [
      createTensor(`${name}.w`, 'int8', weight.dims, Int8Array.from(weight.data)),
      createTensor(`${name}.s`, 'float32', [channels], scales),
      createTensor(`${name}.z`, 'int8', [channels], new Int8Array(channels)),
      createTensor(`${name}.one`, 'float32', [], Float32Array.of(1)),
      createTensor(`${name}.zero`, 'uint8', [], Uint8Array.of(0)),
      createTensor(`${name}.mid`, 'uint8', [], Uint8Array.of(128)),
    ],
    outputType: 'uint8',
  };
}

/** The images are as large as the kernel: one sum for each image and channel. Rows are kernel place × input channel. */
function convolve(
  { inputs, channels, kernel, group = 1 }: ConvShape,
  rows: readonly Int8Array[],
): { feed: Value; weight: Value; sums: Value } {
  const [perGroup, places] = [inputs / group, kernel ** 2];
  const dims = [channels, perGroup, kernel, kernel];
  const weights = Int8Array.from({ length: countElements(dims) }, (_, i) => {
    const [channel, input, place] = [
      Math.floor(i / (perGroup * places)),
      Math.floor(i / places) % perGroup,
      i % places,
    ];
    return rows[channel]![place * perGroup + input]!;
  });
  const weight = createValue('int8', dims, weights);
  const feed = createValue('uint8', [2, inputs, kernel, kernel], drawCodes(2, inputs * places));
  return { feed, weight, sums: convInteger({ x: feed, w: weight }, { group }) };
}

function drawCodes(rows: number, perRow: number): Uint8Array {
  const random = createRandom(rows * perRow);
  return Uint8Array.from({ length: rows * perRow }, (_, i) => (i < perRow ? 255 : random.below(256)));
}
