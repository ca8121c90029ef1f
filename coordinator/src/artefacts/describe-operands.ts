import type { NodeProto } from '../../gen/onnx/onnx_pb.js';
import { readInt } from '../onnx/attribute.ts';
import { type Constant, type Constants, quantizedType, unpackBits } from './describe-constants.ts';
import type { FlatModel } from './describe-nodes.ts';

/** A quantized tensor that a node takes or gives. */
export interface Operand {
  readonly role: 'weight' | 'activation';
  readonly elementType: string;
  /** Every zero point is the middle of the type's range. */
  readonly isSymmetric: boolean;
  /** Of weights. */
  readonly granularity: 'per-tensor' | 'per-channel' | 'per-block';
  /** What the tensor is before quantization: the type of its scales. */
  readonly floatType: string;
  /** Multiplied with activations, not merely added or scaled with. */
  readonly isMultiplied: boolean;
}

/** The weights and activations that the nodes of a model quantize. Biases (int32) are none. */
export function listOperands(model: FlatModel, constants: Constants): Operand[] {
  return model.nodes.flatMap((node) => operandsOf(node, { model, constants }));
}

/** Where data, scale and zero point of an operand stand among a node's inputs; -1 where it takes none. */
type Place = readonly [data: number, scale: number, zeroPoint: number];

/** Inputs by operator, from the specifications of ONNX and ONNX Runtime's contrib operators. */
const places: Readonly<Record<string, readonly Place[]>> = {
  ConvInteger: [
    [0, -1, 2],
    [1, -1, 3],
  ],
  DequantizeLinear: [[0, 1, 2]],
  DynamicQuantizeLSTM: [
    [1, 8, 9],
    [2, 10, 11],
  ],
  DynamicQuantizeMatMul: [[1, 2, 3]],
  MatMulInteger: [
    [0, -1, 2],
    [1, -1, 3],
  ],
  MatMulIntegerToFloat: [
    [0, 2, 4],
    [1, 3, 5],
  ],
  QAttention: [
    [0, 3, 6],
    [1, 4, 7],
  ],
  QGemm: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  QLinearAdd: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  QLinearAveragePool: [[0, 1, 2]],
  QLinearConv: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  QLinearGlobalAveragePool: [[0, 1, 2]],
  QLinearLeakyRelu: [[0, 1, 2]],
  QLinearMatMul: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  QLinearMul: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  QLinearReduceMean: [[0, 1, 2]],
  QLinearSigmoid: [[0, 1, 2]],
  QLinearSoftmax: [[0, 1, 2]],
  QLinearWhere: [
    [1, 2, 3],
    [4, 5, 6],
  ],
};

/** Where the zero point of what an operator gives stands among its inputs. */
const resultZeroPoints: Readonly<Record<string, number>> = {
  QGemm: 8,
  QLinearAdd: 7,
  QLinearAveragePool: 4,
  QLinearConcat: 1,
  QLinearConv: 7,
  QLinearGlobalAveragePool: 4,
  QLinearLeakyRelu: 4,
  QLinearMatMul: 7,
  QLinearMul: 7,
  QLinearReduceMean: 4,
  QLinearSigmoid: 4,
  QLinearSoftmax: 4,
  QLinearWhere: 8,
};

interface Facts {
  readonly model: FlatModel;
  readonly constants: Constants;
}

function operandsOf(node: NodeProto, facts: Facts): Operand[] {
  const { constants } = facts;
  if (node.opType === 'MatMulNBits' || node.opType === 'GatherBlockQuantized')
    return [packedWeight(node, constants)];
  const inputs = placesOf(node).flatMap((place) => inputOperand(node, place, facts));
  if (node.opType.startsWith('DynamicQuantize')) return [...inputs, activation('uint8', false)];
  if (node.opType === 'QuantizeLinear') {
    if (constants.has(node.input[0] ?? '')) return [];
    return [resultOf(quantizedType(node, constants), node.input[2], constants)];
  }
  const zeroPoint = resultZeroPoints[node.opType];
  const type = zeroPoint === undefined ? undefined : constants.get(node.input[zeroPoint] ?? '')?.elementType;
  return type === undefined ? inputs : [...inputs, resultOf(type, node.input[zeroPoint!], constants)];
}

function placesOf(node: NodeProto): readonly Place[] {
  if (node.opType !== 'QLinearConcat') return places[node.opType] ?? [];
  const count = Math.floor((node.input.length - 2) / 3);
  return Array.from({ length: count }, (_, i): Place => [2 + 3 * i, 3 + 3 * i, 4 + 3 * i]);
}

function inputOperand(node: NodeProto, [data, scale, zeroPoint]: Place, facts: Facts): Operand[] {
  const { constants } = facts;
  const weight = constants.get(node.input[data] ?? '');
  const zeroPointName = zeroPoint < 0 ? undefined : node.input[zeroPoint];
  const type = weight?.elementType ?? activationType(node.input[data] ?? '', zeroPointName, facts);
  if (type === undefined || type === 'int32') return [];
  const isSymmetric = isCentred(type, zeroPointName, constants);
  if (!weight) return [activation(type, isSymmetric)];
  const scales =
    constants.get(node.input[scale] ?? '') ?? laterScales(node, facts) ?? constants.get(zeroPointName ?? '');
  return [
    {
      role: 'weight',
      elementType: type,
      isSymmetric,
      granularity: granularityOf(node, weight, scales),
      floatType: (scale < 0 ? undefined : scales?.elementType) ?? 'float32',
      isMultiplied: isMultiplied(node, facts.model),
    },
  ];
}

/** Integer products are scaled later on: Cast, then Mul by the weight's scales or by their product with the activation's. */
function laterScales(node: NodeProto, { model, constants }: Facts): Constant | undefined {
  const next = (from: NodeProto | undefined, opType: string): NodeProto | undefined =>
    model.consumers.get(from?.output[0] ?? '')?.find((each) => each.opType === opType);
  const cast = next(node, 'Cast');
  const factor = next(cast, 'Mul')?.input.find((name) => name !== cast?.output[0]) ?? '';
  const factors = [factor, ...(model.producers.get(factor)?.input ?? [])];
  return factors.flatMap((name) => constants.get(name) ?? [])[0];
}

function activation(elementType: string, isSymmetric: boolean): Operand {
  return {
    role: 'activation',
    elementType,
    isSymmetric,
    granularity: 'per-tensor',
    floatType: 'float32',
    isMultiplied: true,
  };
}

function resultOf(type: string, zeroPoint: string | undefined, constants: Constants): Operand {
  return activation(type, isCentred(type, zeroPoint, constants));
}

/** Undefined where another node, which quantizes the tensor, is the one to tell. */
function activationType(data: string, zeroPoint: string | undefined, facts: Facts): string | undefined {
  const { constants, model } = facts;
  return constants.get(zeroPoint ?? '')?.elementType ?? model.inputTypes.get(data);
}

/** No zero point means 0. */
function isCentred(type: string, zeroPoint: string | undefined, constants: Constants): boolean {
  const middle = middleOf(type);
  if (zeroPoint === undefined || zeroPoint === '') return middle === 0;
  const values = constants.get(zeroPoint)?.values?.();
  return values !== undefined && Array.prototype.every.call(values, (value) => Number(value) === middle);
}

function middleOf(type: string): number {
  const bits = /^uint(\d+)$/.exec(type)?.[1];
  return bits === undefined ? 0 : 2 ** (Number(bits) - 1);
}

function granularityOf(
  node: NodeProto,
  weight: Constant,
  scales: Constant | undefined,
): Operand['granularity'] {
  if (!scales) return 'per-tensor';
  const isBlocked = readInt(node, 'block_size', 0) > 0;
  if (isBlocked && (scales.dims?.at(readInt(node, 'axis', 1)) ?? 2) > 1) return 'per-block';
  // Recurrent weights are [directions, inputs, gates], one scale for each direction being one for the tensor.
  const tensors = node.opType === 'DynamicQuantizeLSTM' ? (weight.dims?.[0] ?? 1) : 1;
  return scales.count > tensors ? 'per-channel' : 'per-tensor';
}

/** Operators that take their weights in blocks, several to a byte, and without zero points mean the middle. */
function packedWeight(node: NodeProto, constants: Constants): Operand {
  const bits = readInt(node, 'bits', 4);
  const scales = constants.get(node.input[2] ?? '');
  const zeroPoint = constants.get(node.input[3] ?? '');
  const blockSize = readInt(node, 'block_size', 128);
  return {
    role: 'weight',
    elementType: zeroPoint ? `uint${bits}` : `int${bits}`,
    isSymmetric: !zeroPoint || isPackedCentred(zeroPoint, bits, Math.ceil(readInt(node, 'K', 0) / blockSize)),
    granularity: readInt(node, 'K', blockSize + 1) > blockSize ? 'per-block' : 'per-channel',
    floatType: scales?.elementType ?? 'float32',
    isMultiplied: true,
  };
}

/** Zero points stand row by row, each row from a new byte on; or one number each, in the scales' type. */
function isPackedCentred(zeroPoint: Constant, bits: number, blocks: number): boolean {
  const middle = 2 ** (bits - 1);
  const values = Array.from(zeroPoint.values?.() ?? [], Number);
  if (zeroPoint.elementType !== 'uint8') return values.every((value) => value === middle);
  const perByte = 8 / bits;
  const rowBytes = Math.max(1, Math.ceil(blocks / perByte));
  return unpackBits(values, { bits, count: values.length * perByte, isSigned: false }).every(
    (value, i) => value === middle || (blocks > 0 && i % (rowBytes * perByte) >= blocks),
  );
}

/** Whether a weight goes into a product: at once, or after it was dequantized and turned. */
function isMultiplied(node: NodeProto, model: FlatModel): boolean {
  if (node.opType !== 'DequantizeLinear') return !/^QLinear(?!Conv|MatMul)/.test(node.opType);
  const next = (from: NodeProto): readonly NodeProto[] => model.consumers.get(from.output[0] ?? '') ?? [];
  const consumers = next(node).flatMap((each) => (turning.has(each.opType) ? next(each) : [each]));
  return consumers.some(({ opType }) => products.has(opType));
}

const turning = new Set(['Transpose', 'Reshape', 'Cast', 'Identity', 'Squeeze', 'Unsqueeze']);

const products = new Set(
  'Attention Conv ConvTranspose DeformConv Einsum FusedConv FusedMatMul Gather Gemm GRU LSTM MatMul MultiHeadAttention RNN'.split(
    ' ',
  ),
);
