import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { elementCount, type TensorType } from '../../onnx/shapes.ts';
import { writeModel } from '../../onnx/write-model.ts';
import type { OrtChild, OrtChildOptions } from '../../ort/ort-child.ts';
import type { Feeds, HistogramBins } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import { reductionsPerTensor, withOutputs, withReductions } from './augment-model.ts';
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
 * through, a few at a time; memory does not grow with their number. Throws `refused` naming tensor and input where
 * a value is NaN or infinite.
 */
export async function collectExtremes(
  model: ModelProto,
  inputs: InputSource,
  options: CalibrationOptions,
): Promise<Statistics> {
  const { tensors, onInput } = options;
  const { model: augmented, names } = withReductions(model, tensors);
  const seen = new Extremes(tensors);
  await withPool(augmented, options, async (pool) => {
    const observe = (child: OrtChild, feeds: Feeds): Promise<Float64Array> =>
      child.runForScalars({ feeds, names });
    for await (const values of pool.map(inputs(), observe)) {
      seen.add(values);
      onInput?.(seen.count);
    }
  });
  return seen.finish();
}

/**
 * The same with a histogram of each tensor between its extremes, in a second pass over the inputs: all values leave
 * ONNX Runtime, but not the child process. Tensors are taken in groups of bounded size, so that large models fit.
 */
export async function addHistograms(
  model: ModelProto,
  inputs: InputSource,
  options: CalibrationOptions & {
    readonly statistics: Statistics;
    readonly types: ReadonlyMap<string, TensorType>;
  },
): Promise<Statistics> {
  const { tensors, statistics, onInput } = options;
  const layouts = tensors.map((tensor) => ({
    tensor,
    low: statistics[tensor]!.low,
    high: statistics[tensor]!.high,
  }));
  const totals = new Map(tensors.map((tensor) => [tensor, new Float64Array(histogramBins)]));
  const sizeOf = ({ tensor }: HistogramBins): number =>
    4 * (elementCount(options.types.get(tensor)?.shape ?? []) ?? 1);
  const groups = groupBySize(layouts, sizeOf, maxExposedBytes);
  await withPool(withOutputs(model, tensors), options, async (pool) => {
    const observe = async (child: OrtChild, feeds: Feeds): Promise<void> => {
      for (const group of groups) await child.addToHistograms({ feeds, tensors: group, bins: histogramBins });
    };
    let done = 0;
    for await (const _ of pool.map(inputs(), observe)) onInput?.(++done);
    for (const child of pool.children) addCounts(totals, await child.takeHistograms());
  });
  return Object.fromEntries(
    tensors.map((tensor) => [tensor, { ...statistics[tensor]!, histogram: [...totals.get(tensor)!] }]),
  );
}

/** Runs with the model loaded in every child; graph optimisation may fuse what is not observed, which rounds the same. */
async function withPool(
  model: ModelProto,
  options: OrtChildOptions,
  use: (pool: OrtPool) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-calibration-'));
  try {
    const path = join(folder, 'augmented.onnx');
    const bytes = writeModel(model);
    await writeFile(path, bytes);
    await using pool = new OrtPool(bytes.length, options);
    await pool.open({ slot: 'main', path, optimisation: 'all' });
    await use(pool);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Extremes {
  count = 0;
  readonly #tensors: readonly string[];
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  readonly #averageLows: Float64Array;
  readonly #averageHighs: Float64Array;

  constructor(tensors: readonly string[]) {
    const create = (value: number): Float64Array => new Float64Array(tensors.length).fill(value);
    this.#tensors = tensors;
    this.#lows = create(Number.POSITIVE_INFINITY);
    this.#highs = create(Number.NEGATIVE_INFINITY);
    this.#averageLows = create(0);
    this.#averageHighs = create(0);
  }

  /** The reductions of each tensor for one input. */
  add(values: Float64Array): void {
    const share = this.count === 0 ? 1 : newestShare;
    for (const [i, tensor] of this.#tensors.entries()) {
      const [low, high, sum] = values.subarray(i * reductionsPerTensor, (i + 1) * reductionsPerTensor);
      if (![low, high, sum].every(Number.isFinite)) throw notFinite(`Tensor "${tensor}"`, this.count);
      this.#lows[i] = Math.min(this.#lows[i]!, low!);
      this.#highs[i] = Math.max(this.#highs[i]!, high!);
      this.#averageLows[i]! += share * (low! - this.#averageLows[i]!);
      this.#averageHighs[i]! += share * (high! - this.#averageHighs[i]!);
    }
    this.count++;
  }

  finish(): Statistics {
    const describe = (i: number): TensorStatistics => ({
      low: this.#lows[i]!,
      high: this.#highs[i]!,
      average: { low: this.#averageLows[i]!, high: this.#averageHighs[i]! },
    });
    return Object.fromEntries(this.#tensors.map((tensor, i) => [tensor, describe(i)]));
  }
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

function notFinite(what: string, index: number): QfleetError {
  return new QfleetError('refused', `${what} has a NaN or an infinity for calibration input ${index}.`, {
    hint: 'Look at that item of the dataset, and at scale, mean and deviation of the input contract.',
  });
}
