import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { type IntegerWeight, listIntegerWeights, type UnknownWeight } from './integer-weight-rows.ts';

/** What int8 weights of one operator can do on x86 without VNNI. */
export interface SaturationRisk {
  /** The operator whose int8 weights may saturate. */
  readonly node: string;
  readonly channels: number;
  /** Output channels that come out wrong for some input: at least one of their pairs can overflow. */
  readonly channelsAtRisk: number;
  /** Of these, channels that come out wrong when every input code is 255. */
  readonly channelsWrongAt255: number;
  /** The sum of a pair farthest from 0, 255·(w1 + w2): what 16 bits would have to hold. */
  readonly worstPairSum: number;
}

/** One output channel at risk. */
export interface ChannelRisk {
  readonly channel: number;
  /** As in `SaturationRisk`. */
  readonly worstPairSum: number;
  /**
   * Saturated minus exact int32 sum when every input code is 255, of the matrix where it is farthest from 0.
   * Errors of pairs of both signs cancel in part; at 0 another input brings them out.
   */
  readonly errorAt255: number;
}

/**
 * The operators of which output channels can overflow on x86 without VNNI, and those of which it is not known; all others cannot. There, products of
 * uint8 activations with int8 weights are added in pairs into saturated 16 bits (VPMADDUBSW) before anything
 * wider: 255·(w1 + w2) leaves -32768…32767 from |w1 + w2| = 129 on, which takes two weights of the same sign. The
 * pairs are elements 2i and 2i + 1 along K; an odd last element has 0 beside it. All kernels of ONNX Runtime pack K
 * so: GEMM and GEMV (MLAS's QgemmU8X8KernelAvx2, QgemvU8S8KernelAvx2) and the convolution without im2col
 * (ConvSymKernelAvx2), and likewise those for AVX512 without VNNI. A Conv's K is kernel place × input channel,
 * for its kernel works channels-last. test/saturation.test.ts proves it on the kernels.
 */
export function scanSaturation({
  graph,
  functions,
}: Pick<ModelProto, 'graph' | 'functions'>): SaturationScan {
  const { known, unknown } = listIntegerWeights(graph!, functions);
  const risks = known.flatMap((weight) => {
    const found = scanChannels(weight);
    return found.length > 0 ? [summarise(weight, found)] : [];
  });
  return { risks, unknown };
}

export interface SaturationScan {
  readonly risks: readonly SaturationRisk[];
  /** Operators whose weights could not be read: they may saturate or not. */
  readonly unknown: readonly UnknownWeight[];
}

/** Over all operators of a file, as a variant's record keeps it. */
export function summariseRisk({ risks, unknown }: SaturationScan): {
  operatorsAtRisk: number;
  channelsAtRisk: number;
  unknown?: string[];
} {
  const channelsAtRisk = risks.reduce((sum, risk) => sum + risk.channelsAtRisk, 0);
  return {
    operatorsAtRisk: risks.length,
    channelsAtRisk,
    ...(unknown.length > 0 ? { unknown: unknown.map(({ node, why }) => `${node}: ${why}`) } : {}),
  };
}

function summarise({ node, channels }: IntegerWeight, risks: readonly ChannelRisk[]): SaturationRisk {
  return {
    node: node.name,
    channels,
    channelsAtRisk: risks.length,
    channelsWrongAt255: risks.filter(({ errorAt255 }) => errorAt255 !== 0).length,
    worstPairSum: farthestFromZero(risks.map(({ worstPairSum }) => worstPairSum)),
  };
}

/** The output channels of one weight that can overflow, in order; the others are exact whatever the input. */
export function scanChannels({ channels, rowsOf }: IntegerWeight): ChannelRisk[] {
  return Array.from({ length: channels }, (_, channel) => scanChannel(channel, rowsOf(channel))).filter(
    ({ worstPairSum }) => clampToInt16(worstPairSum) !== worstPairSum,
  );
}

function scanChannel(channel: number, rows: readonly Int8Array[]): ChannelRisk {
  const scanned = rows.map(scanRow);
  return {
    channel,
    worstPairSum: farthestFromZero(scanned.map(({ worstPairSum }) => worstPairSum)),
    errorAt255: farthestFromZero(scanned.map(({ errorAt255 }) => errorAt255)),
  };
}

function scanRow(row: Int8Array): Omit<ChannelRisk, 'channel'> {
  let [worstPairSum, errorAt255] = [0, 0];
  for (let i = 0; i < row.length; i += 2) {
    const sum = 255 * (row[i]! + (row[i + 1] ?? 0));
    if (Math.abs(sum) > Math.abs(worstPairSum)) worstPairSum = sum;
    errorAt255 += clampToInt16(sum) - sum;
  }
  return { worstPairSum, errorAt255 };
}

function clampToInt16(sum: number): number {
  return Math.max(-(2 ** 15), Math.min(2 ** 15 - 1, sum));
}

function farthestFromZero(values: readonly number[]): number {
  return values.reduce((worst, value) => (Math.abs(value) > Math.abs(worst) ? value : worst), 0);
}
