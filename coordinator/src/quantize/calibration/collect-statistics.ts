import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { makeTempFolder } from '../../files/make-temp-folder.ts';
import { elementCount, type TensorType } from '../../onnx/shapes.ts';
import { writeModel } from '../../onnx/write-model.ts';
import type { OrtChild, OrtChildOptions } from '../../ort/ort-child.ts';
import type { Feeds, HistogramBins } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import type { Range } from '../static/compute-scale.ts';
import { reductionsPerTensor, withFiniteChecks, withOutputs, withReductions } from './augment-model.ts';
import { groupBySize, maxExposedBytes } from './group-by-size.ts';
import { histogramBins, type Statistics, type TensorStatistics } from './tensor-statistics.ts';

export interface CalibrationOptions extends OrtChildOptions {
  /** Float32 tensors of the main graph. */
  readonly tensors: readonly string[];
  /** Inputs done in this pass. */
  readonly onInput?: ((done: number) => void) | undefined;
}

/** The inputs once more, from the first; reading them again must give the same. */
export type InputSource = () => AsyncIterable<Feeds>;

/** Weight of the newest input in the moving average: `CalibMovingAverageConstant` of onnxruntime.quantization. */
const newestShare = 0.01;

/**
 * Smallest, largest and averaged values of each tensor over all inputs, reduced inside the graph. Inputs stream
 * through, a few at a time; memory does not grow with their number. A tensor with a NaN or an infinity is marked, not
 * refused: who asks may not need it.
 */
export async function collectExtremes(
  model: ModelProto,
  inputs: InputSource,
  options: CalibrationOptions,
): Promise<Statistics> {
  const { tensors, onInput } = options;
  // ONNX Runtime runs no model without outputs.
  if (tensors.length === 0) return {};
  const seen = new Extremes(tensors);
  await reduce(withReductions(model, tensors), inputs, options, (values) => {
    seen.add(values);
    onInput?.(seen.count);
  });
  const suspects = seen.suspects();
  if (suspects.length > 0) {
    let input = 0;
    await reduce(withFiniteChecks(model, suspects), inputs, options, (values) => {
      for (const [i, tensor] of suspects.entries()) if (values[i] !== 0) seen.spoil(tensor, input);
      input++;
    });
  }
  return seen.finish();
}

/** Runs a model whose outputs have one element each on every input, and gives each input's values in the inputs' order. */
async function reduce(
  { model, names }: { readonly model: ModelProto; readonly names: readonly string[] },
  inputs: InputSource,
  options: OrtChildOptions,
  onValues: (values: Float64Array) => void,
): Promise<void> {
  await withPool(model, options, async (pool) => {
    const observe = (child: OrtChild, feeds: Feeds): Promise<Float64Array> =>
      child.runForScalars({ feeds, names });
    for await (const values of pool.map(inputs(), observe)) onValues(values);
  });
}

/**
 * The same with a histogram of each tensor between its extremes, in a second pass over the inputs: all values leave
 * ONNX Runtime, but not the child process. Tensors without a range have none. Tensors are taken in groups of bounded size, so that large models fit.
 */
export async function addHistograms(
  model: ModelProto,
  inputs: InputSource,
  options: CalibrationOptions & {
    readonly statistics: Statistics;
    readonly types: ReadonlyMap<string, TensorType>;
  },
): Promise<Statistics> {
  const { statistics, onInput } = options;
  const tensors = options.tensors.filter((tensor) => statistics[tensor]!.nonFiniteIn === undefined);
  if (tensors.length === 0) return statistics;
  const layouts = tensors.map((tensor) => ({
    tensor,
    low: statistics[tensor]!.low,
    high: statistics[tensor]!.high,
  }));
  const halves = ([0, 1] as const).map(() => emptyCounts(tensors));
  const sizeOf = ({ tensor }: HistogramBins): number =>
    4 * (elementCount(options.types.get(tensor)?.shape ?? []) ?? 1);
  const groups = groupBySize(layouts, sizeOf, maxExposedBytes);
  await withPool(withOutputs(model, tensors), options, async (pool) => {
    const observe = async (child: OrtChild, { feeds, half }: HalvedFeeds): Promise<void> => {
      for (const group of groups)
        await child.addToHistograms({ feeds, half, tensors: group, bins: histogramBins });
    };
    let done = 0;
    for await (const _ of pool.map(inHalves(inputs()), observe)) onInput?.(++done);
    for (const child of pool.children)
      for (const [half, counts] of (await child.takeHistograms()).entries()) addCounts(halves[half]!, counts);
  });
  const counted = tensors.map((tensor): [string, TensorStatistics] => [
    tensor,
    withHistograms(statistics[tensor]!, halves[0]!.get(tensor)!, halves[1]!.get(tensor)!),
  ]);
  return { ...statistics, ...Object.fromEntries(counted) };
}

interface HalvedFeeds {
  readonly feeds: Feeds;
  readonly half: 0 | 1;
}

/** Even inputs and odd ones, from 0. */
async function* inHalves(inputs: AsyncIterable<Feeds>): AsyncGenerator<HalvedFeeds> {
  let index = 0;
  for await (const feeds of inputs) yield { feeds, half: index++ % 2 === 0 ? 0 : 1 };
}

function emptyCounts(tensors: readonly string[]): Map<string, Float64Array> {
  return new Map(tensors.map((tensor) => [tensor, new Float64Array(histogramBins)]));
}

function withHistograms(seen: TensorStatistics, even: Float64Array, odd: Float64Array): TensorStatistics {
  const histogramRange = { low: seen.low, high: seen.high };
  const all = { ...seen, histogram: [...even.map((count, bin) => count + odd[bin]!)] };
  if (!seen.halves) return all;
  return {
    ...all,
    halves: [
      { ...seen.halves[0], histogram: [...even], histogramRange },
      { ...seen.halves[1], histogram: [...odd], histogramRange },
    ],
  };
}

/** Runs with the model loaded in every child; graph optimisation may fuse what is not observed, which rounds the same. */
async function withPool(
  model: ModelProto,
  options: OrtChildOptions,
  use: (pool: OrtPool) => Promise<void>,
): Promise<void> {
  await using folder = await makeTempFolder('calibration', options.tempDir);
  const path = join(folder.path, 'augmented.onnx');
  const bytes = writeModel(model);
  await writeFile(path, bytes);
  await using pool = new OrtPool(bytes.length, options);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  await use(pool);
}

class Extremes {
  count = 0;
  readonly #byTensor: ReadonlyMap<string, TensorExtremes>;

  constructor(tensors: readonly string[]) {
    this.#byTensor = new Map(tensors.map((tensor) => [tensor, new TensorExtremes()]));
  }

  /** The reductions of each tensor for one input. */
  add(values: Float64Array): void {
    for (const [i, tensor] of [...this.#byTensor.values()].entries()) {
      const [low, high, sum] = values.subarray(i * reductionsPerTensor, (i + 1) * reductionsPerTensor);
      tensor.add({ low: low!, high: high!, sum: sum! }, this.count);
    }
    this.count++;
  }

  /** Tensors of which it is not known whether they held a NaN, or finite values too large for a sum. */
  suspects(): string[] {
    return [...this.#byTensor].flatMap(([name, { isSuspect }]) => (isSuspect ? [name] : []));
  }

  spoil(tensor: string, input: number): void {
    this.#byTensor.get(tensor)!.spoil(input);
  }

  finish(): Statistics {
    return Object.fromEntries([...this.#byTensor].map(([name, tensor]) => [name, tensor.describe()]));
  }
}

class TensorExtremes {
  readonly #all = new RunningRange();
  readonly #halves = [new RunningRange(), new RunningRange()] as const;
  #nonFiniteIn: number | undefined;
  #hasUnknownSum = false;

  add({ low, high, sum }: Range & { readonly sum: number }, input: number): void {
    // A tensor without elements: the least of nothing is above the largest.
    if (sum === 0 && low > high) return;
    if (!Number.isFinite(low) || !Number.isFinite(high)) {
      this.spoil(input);
      return;
    }
    this.#hasUnknownSum ||= !Number.isFinite(sum);
    this.#all.add({ low, high });
    this.#halves[input % 2 === 0 ? 0 : 1].add({ low, high });
  }

  get isSuspect(): boolean {
    return this.#hasUnknownSum && this.#nonFiniteIn === undefined;
  }

  spoil(input: number): void {
    this.#nonFiniteIn ??= input;
  }

  describe(): TensorStatistics {
    if (this.#nonFiniteIn !== undefined)
      return { low: 0, high: 0, average: { low: 0, high: 0 }, nonFiniteIn: this.#nonFiniteIn };
    const [even, odd] = this.#halves;
    return {
      ...this.#all.describe(),
      ...(odd.isEmpty || even.isEmpty ? {} : { halves: [even.describe(), odd.describe()] as const }),
    };
  }
}

class RunningRange {
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #average: Range | undefined;

  get isEmpty(): boolean {
    return this.#average === undefined;
  }

  add({ low, high }: Range): void {
    this.#low = Math.min(this.#low, low);
    this.#high = Math.max(this.#high, high);
    this.#average = this.#average
      ? { low: mixIn(this.#average.low, low), high: mixIn(this.#average.high, high) }
      : { low, high };
  }

  describe(): Range & { readonly average: Range } {
    return this.#average
      ? { low: this.#low, high: this.#high, average: this.#average }
      : { low: 0, high: 0, average: { low: 0, high: 0 } };
  }
}

function mixIn(average: number, newest: number): number {
  return average + newestShare * (newest - average);
}

function addCounts(
  totals: ReadonlyMap<string, Float64Array>,
  counts: Readonly<Record<string, Float64Array>>,
): void {
  for (const [tensor, values] of Object.entries(counts)) {
    const total = totals.get(tensor)!;
    for (let bin = 0; bin < total.length; bin++) total[bin]! += values[bin]!;
  }
}
