import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { readInt } from '../../onnx/attribute.ts';
import { copyModel } from '../../onnx/copy-model.ts';
import { indexGraph } from '../../onnx/graph-index.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import type { OrtChildOptions } from '../../ort/ort-child.ts';
import type { InputSource } from '../calibration/collect-statistics.ts';
import { type ChannelReduction, reducePerChannel } from '../calibration/reduce-per-channel.ts';
import { type EqualizablePair, findEqualizablePairs } from './find-equalizable-pairs.ts';

export interface EqualizedModel {
  readonly model: ModelProto;
  /** Pairs of layers whose weights were equalized. */
  readonly pairs: number;
}

/** Rounds over all pairs; chains of layers settle in a few. */
const maxRounds = 40;
/** Largest change of a scale, as a factor, that counts as settled. */
const settled = 1.001;
/** Inputs that calibration has not seen may reach this much farther before a Clip cuts what it would not have cut. */
const headroom = 1.25;

/**
 * Cross-layer equalization (Nagel et al., Data-Free Quantization, 2019): output channel i of one layer is divided by
 * s_i and input channel i of the next multiplied by it, so that both have weights of like size, s_i = √(r1_i · r2_i) /
 * r2_i, over and over along chains. Differently from the paper a Clip (Relu6) stays: s_i is kept large enough that no
 * channel comes nearer to its bound than the data show it may, which also keeps one channel from widening the range of
 * all; and only what differs between channels is moved. What the network computes stays the same but for rounding.
 */
export async function equalize(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  inputs: InputSource,
  options: OrtChildOptions,
): Promise<EqualizedModel> {
  const model = copyModel(folded);
  const pairs = findEqualizablePairs(model.graph!);
  if (pairs.length === 0) return { model, pairs: 0 };
  const reductions = pairs.flatMap((pair) => reductionsOf(pair, types));
  const extremes = await reducePerChannel(folded, inputs, reductions, options);
  const layers = openLayers(model.graph!, pairs);
  const links = pairs.map((pair, i) => createLink(pair, layers, extremes.slice(2 * i, 2 * i + 2)));
  for (let round = 0; round < maxRounds; round++) if (balance(links) < settled) break;
  replaceInitialisers(
    model.graph!,
    [...layers.values()].flatMap((layer) => layer.tensors()),
  );
  return { model, pairs: pairs.length };
}

function reductionsOf(
  { first }: EqualizablePair,
  types: ReadonlyMap<string, TensorType>,
): ChannelReduction[] {
  const tensor = first.output[0]!;
  const rank = types.get(tensor)?.shape.length ?? 0;
  return [
    { tensor, rank, operator: 'ReduceMax' },
    { tensor, rank, operator: 'ReduceMin' },
  ];
}

/** A pair with its weights taken out of the graph to work on. */
interface Link {
  readonly first: ScalableLayer;
  readonly second: ScalableLayer;
  /** Largest value behind the first layer by channel, scaled along. */
  readonly largest: Float64Array;
  /** What no channel may exceed: the Clip's bound, or the largest of all. */
  readonly cap: number;
}

function replaceInitialisers(graph: GraphProto, tensors: readonly TensorProto[]): void {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  graph.initializer = graph.initializer.map((tensor) => byName.get(tensor.name) ?? tensor);
}

type Layers = ReadonlyMap<NodeProto, ScalableLayer>;

function openLayers(graph: GraphProto, pairs: readonly EqualizablePair[]): Layers {
  const { initialisers } = indexGraph(graph);
  const nodes = new Set(pairs.flatMap(({ first, second }) => [first, second]));
  return new Map([...nodes].map((node) => [node, new ScalableLayer(node, initialisers)]));
}

function createLink(pair: EqualizablePair, layers: Layers, [highs, lows]: readonly Float32Array[]): Link {
  const largest = Float64Array.from(highs!, (high, c) => Math.max(0, high, pair.isLinear ? -lows![c]! : 0));
  const reached = largest.reduce((a, b) => Math.max(a, b), 0);
  return {
    first: layers.get(pair.first)!,
    second: layers.get(pair.second)!,
    largest,
    cap: Math.min(pair.cap, reached),
  };
}

/** One round over all pairs; the largest factor by which a scale differed from 1. */
function balance(links: readonly Link[]): number {
  let change = 1;
  for (const link of links) {
    const { first, second, largest } = link;
    const scales = chooseScales(link);
    for (let c = 0; c < largest.length; c++) {
      const scale = scales[c]!;
      if (scale === 1) continue;
      first.scaleOut(c, 1 / scale);
      second.scaleIn(c, scale);
      largest[c]! /= scale;
      change = Math.max(change, scale, 1 / scale);
    }
  }
  return change;
}

/**
 * By channel. Only what differs between channels is moved: a factor that all want (one layer's weights large, the
 * other's small) changes nothing for one scale per tensor, and channels that may not move could not follow it. So all
 * are measured by what those want that may not move.
 */
function chooseScales({ first, second, largest, cap }: Link): number[] {
  const wanted = Array.from(largest, (_, c) => wantedScale(first.largestOut(c), second.largestIn(c)));
  const isFixed = (c: number): boolean => largest[c]! >= cap;
  const fixed = wanted.flatMap((scale, c) => (scale !== undefined && isFixed(c) ? [scale] : []));
  const common = geometricMean(fixed.length > 0 ? fixed : wanted.filter((scale) => scale !== undefined));
  return wanted.map((scale, c) => {
    // A channel that is clipped already can only stay as it is.
    if (scale === undefined || isFixed(c)) return 1;
    const least = Math.min(1, (headroom * largest[c]!) / cap);
    return Math.max(scale / common, least);
  });
}

/** Undefined where a channel has no weights on either side. */
function wantedScale(r1: number, r2: number): number | undefined {
  return r1 === 0 || r2 === 0 ? undefined : Math.sqrt(r1 / r2);
}

function geometricMean(values: readonly number[]): number {
  if (values.length === 0) return 1;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Weights and bias of a Conv or Gemm, by output and by input channel. */
class ScalableLayer {
  readonly #weight: TensorProto;
  readonly #bias: TensorProto | undefined;
  readonly #values: Float32Array;
  readonly #biases: Float32Array | undefined;
  readonly #out: ChannelAxis;
  readonly #in: ChannelAxis;

  constructor(node: NodeProto, initialisers: ReadonlyMap<string, TensorProto>) {
    this.#weight = initialisers.get(node.input[1]!)!;
    this.#bias = initialisers.get(node.input[2] ?? '');
    this.#values = readFloats(this.#weight);
    this.#biases = this.#bias && readFloats(this.#bias);
    const dims = this.#weight.dims.map(Number);
    const isOutFirst = node.opType === 'Conv' || readInt(node, 'transB', 0) === 1;
    const isDepthwise = readInt(node, 'group', 1) > 1;
    this.#out = axisOf(dims, isOutFirst ? 0 : 1);
    this.#in = isDepthwise ? this.#out : axisOf(dims, isOutFirst ? 1 : 0);
  }

  largestOut(channel: number): number {
    return this.#largest(this.#out, channel);
  }

  largestIn(channel: number): number {
    return this.#largest(this.#in, channel);
  }

  scaleOut(channel: number, factor: number): void {
    this.#scale(this.#out, channel, factor);
    if (this.#biases) this.#biases[channel]! *= factor;
  }

  scaleIn(channel: number, factor: number): void {
    this.#scale(this.#in, channel, factor);
  }

  /** The scaled weights and bias, in place of those of the same names. */
  tensors(): TensorProto[] {
    const scaled = (tensor: TensorProto, values: Float32Array): TensorProto =>
      createTensor(tensor.name, 'float32', tensor.dims.map(Number), values);
    const weight = scaled(this.#weight, this.#values);
    return this.#bias ? [weight, scaled(this.#bias, this.#biases!)] : [weight];
  }

  #largest(axis: ChannelAxis, channel: number): number {
    let largest = 0;
    for (const i of indicesOf(axis, channel, this.#values.length))
      largest = Math.max(largest, Math.abs(this.#values[i]!));
    return largest;
  }

  #scale(axis: ChannelAxis, channel: number, factor: number): void {
    for (const i of indicesOf(axis, channel, this.#values.length)) this.#values[i]! *= factor;
  }
}

interface ChannelAxis {
  readonly channels: number;
  readonly inner: number;
}

function axisOf(dims: readonly number[], axis: number): ChannelAxis {
  return { channels: dims[axis]!, inner: dims.slice(axis + 1).reduce((product, size) => product * size, 1) };
}

function* indicesOf({ channels, inner }: ChannelAxis, channel: number, length: number): Generator<number> {
  for (let start = channel * inner; start < length; start += channels * inner)
    for (let i = start; i < start + inner; i++) yield i;
}
