import type { NodeProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { readInt } from '../../onnx/attribute.ts';
import type { GraphIndex } from '../../onnx/graph-index.ts';
import { readFloats } from '../../onnx/tensor.ts';
import type { QuantizedConstants } from './quantized-constants.ts';

/** Operators that ONNX Runtime quantizes unasked. */
const shielded = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/**
 * Keeps an operator float that was meant to stay so: between integer neighbours ONNX Runtime makes float weights of
 * Conv and Gemm int8, with one scale for all (WeightBiasQuantization), unless the bias is no constant. So it gets one
 * out of a DequantizeLinear, of 32 bits, which rounds it no more than float32 does; a bias of zeros where there is
 * none. Gives the nodes to put in front.
 */
export function shieldFloat(
  node: NodeProto,
  { initialisers }: Pick<GraphIndex, 'initialisers'>,
  constants: QuantizedConstants,
): NodeProto[] {
  const [, weightName = '', biasName = ''] = node.input;
  const weight = initialisers.get(weightName);
  const bias = initialisers.get(biasName);
  if (!shielded.has(node.opType) || weight?.dataType !== 1 || (biasName !== '' && !bias)) return [];
  const values = bias ? readFloats(bias) : new Float32Array(channelsOf(node, weight));
  const dims = bias ? bias.dims.map(Number) : [values.length];
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = largest === 0 ? 1 : 2 ** Math.max(-126, Math.ceil(Math.log2(largest)) - 30);
  const name = bias ? biasName : `${node.name}_no_bias`;
  node.input[2] = name;
  return constants.dequantize(node, 2, `float bias of ${node.name}`, () => ({
    quantized: constants.add(
      `${name}_quantized`,
      'int32',
      dims,
      Int32Array.from(values, (x) => Math.round(x / scale)),
    ),
    scale: constants.add(`${name}_quantized_scale`, 'float32', [], Float32Array.of(scale)),
    zeroPoint: constants.add(`${name}_quantized_zero_point`, 'int32', [], Int32Array.of(0)),
  }));
}

function channelsOf(node: NodeProto, weight: TensorProto): number {
  if (node.opType === 'Conv') return Number(weight.dims[0]);
  if (node.opType === 'Gemm') return Number(weight.dims[readInt(node, 'transB', 0) === 1 ? 0 : 1]);
  return Number(weight.dims[1]) * readInt(node, 'group', 1);
}
