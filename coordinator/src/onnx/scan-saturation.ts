import type { GraphProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { readInt } from './attribute.ts';
import { type GraphIndex, indexGraph } from './graph-index.ts';
import { readTensor } from './tensor.ts';

export interface SaturationRisk {
  /** The operator whose int8 weights may saturate. */
  readonly node: string;
  readonly channels: number;
  /** Output channels with at least one risky pair of weights. */
  readonly channelsAtRisk: number;
}

/**
 * On x86 without VNNI, uint8 activations times int8 weights are added in pairs into 16 bits
 * (VPMADDUBSW): 255·(|w1|+|w2|) of one sign overflows from |w1|+|w2| > 128. Counts output channels with such a
 * pair, neighbours along the summed axis; kernels pack that axis in their own ways, so this is a warning,
 * not a proof. Depthwise convolutions use another kernel and are left out.
 */
export function scanSaturation(graph: GraphProto): SaturationRisk[] {
  const index = indexGraph(graph);
  return graph.node.flatMap((node) => {
    const weight = findInt8Weight(node, index);
    return weight ? [scanWeight(node, weight)] : [];
  });
}

/** Position of the weight among the inputs, by operator. */
const weightInputs: Readonly<Record<string, number>> = {
  Conv: 1,
  Gemm: 1,
  MatMul: 1,
  ConvInteger: 1,
  MatMulInteger: 1,
  QLinearConv: 3,
  QLinearMatMul: 3,
  QGemm: 3,
};

function findInt8Weight(node: NodeProto, index: GraphIndex): TensorProto | undefined {
  const name = node.input[weightInputs[node.opType] ?? -1] ?? '';
  const producer = index.producers.get(name);
  const source = producer?.opType === 'DequantizeLinear' ? producer.input[0]! : name;
  const tensor = index.initialisers.get(source);
  const isInt8 = tensor?.dataType === 3 && tensor.dims.length >= 2;
  // A depthwise weight has one input channel.
  const isDepthwise = node.opType.includes('Conv') && tensor?.dims[1] === 1n && readInt(node, 'group', 1) > 1;
  return isInt8 && !isDepthwise ? tensor : undefined;
}

function scanWeight(node: NodeProto, tensor: TensorProto): SaturationRisk {
  const { data, dims } = readTensor(tensor);
  const weights = data as Int8Array;
  const isChannelFirst = node.opType.includes('Conv') || readInt(node, 'transB', 0) === 1;
  const channels = isChannelFirst ? dims[0]! : dims.at(-1)!;
  // Neighbours in the sum: for Conv the next input channel at the same place of the kernel.
  const step = isChannelFirst ? dims.slice(2).reduce((product, size) => product * size, 1) : channels;
  const perChannel = weights.length / channels;
  let channelsAtRisk = 0;
  for (let c = 0; c < channels; c++) {
    const start = isChannelFirst ? c * perChannel : c;
    const end = isChannelFirst ? start + perChannel : weights.length;
    const stride = isChannelFirst ? 1 : channels;
    if (hasRiskyPair(weights, { start, end, stride, step })) channelsAtRisk++;
  }
  return { node: node.name, channels, channelsAtRisk };
}

function hasRiskyPair(
  weights: Int8Array,
  { start, end, stride, step }: { start: number; end: number; stride: number; step: number },
): boolean {
  for (let i = start; i + step < end; i += stride) {
    const [a, b] = [weights[i]!, weights[i + step]!];
    if (a * b > 0 && Math.abs(a) + Math.abs(b) > 128) return true;
  }
  return false;
}
