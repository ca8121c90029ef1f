import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { describeObserver, type ObserverSpec } from '../calibration/observers/observer.ts';
import { halfOf, type Statistics } from '../calibration/tensor-statistics.ts';
import { type JudgedModel, measureOutputNoise, noiseInputs } from '../check/measure-output-noise.ts';
import { type InputsNoise, summariseNoise } from '../check/output-noise.ts';
import type { Workbench } from '../workbench.ts';

/** What is tried: a later one is taken only where it is better by `leastGainDb`. */
export const searchedObservers: readonly ObserverSpec[] = [
  { method: 'min-max' },
  { method: 'percentile', percentile: 99.999 },
  { method: 'percentile', percentile: 99.99 },
  { method: 'percentile', percentile: 99.9 },
  { method: 'entropy' },
  { method: 'mse' },
];

/** What is clipped is lost on inputs that calibration has not seen; smaller gains came and went with the calibration set. */
const leastGainDb = 0.5;
/** Fewer inputs say nothing about others. */
const leastInputs = 8;

/**
 * The observer whose ranges give the least noise in the model's outputs, measured with the real kernels: which one
 * that is differs from model to model. Two-fold cross-validation: ranges from the even calibration inputs are judged
 * on the odd ones and the other way round, since a range that clips is best on the inputs that it was chosen by.
 * Judged by the mean of two figures, dB: the SQNR of all inputs together, and that of the worst input, on which a
 * range too narrow shows.
 */
export async function chooseObserver(
  bench: Workbench,
  statistics: Statistics,
  emit: (observer: ObserverSpec, from: Statistics) => ModelProto,
): Promise<{ readonly observer: ObserverSpec; readonly notes: readonly string[] }> {
  const { count } = bench.samples;
  const [first] = searchedObservers;
  if (count < leastInputs)
    return {
      observer: first!,
      notes: [
        `Observer ${describeObserver(first!)}: ${count} calibration inputs are too few to compare observers (${leastInputs}).`,
      ],
    };
  bench.onStep('comparing observers');
  const found = await measureOutputNoise(bench, emitFolds(statistics, emit));
  const noises = searchedObservers.map((_, i) => summariseNoise([...found[2 * i]!, ...found[2 * i + 1]!]));
  const best = noises.reduce(
    (a, noise, i) => (scoreOf(noise) > scoreOf(noises[a]!) + leastGainDb ? i : a),
    0,
  );
  const observer = searchedObservers[best]!;
  const figures = searchedObservers.map(
    (tried, i) =>
      `${describeObserver(tried)} ${formatDb(noises[i]!.pooledDb)} (${formatDb(noises[i]!.worstDb)})`,
  );
  return {
    observer,
    notes: [
      `Observer ${describeObserver(observer)}: of ${figures.join(', ')} dB over all (and the worst) of ${Math.min(noiseInputs, count)} held-out calibration inputs, cross-validated in two folds.`,
    ],
  };
}

function* emitFolds(
  statistics: Statistics,
  emit: (observer: ObserverSpec, from: Statistics) => ModelProto,
): Generator<JudgedModel> {
  for (const observer of searchedObservers)
    for (const half of [0, 1] as const)
      yield {
        model: emit(observer, halfOf(statistics, half)),
        isJudgedOn: (input) => input % 2 !== half,
      };
}

/** Outputs that are equal bit for bit are no better than this. */
const mostDb = 200;

function scoreOf({ pooledDb, worstDb }: InputsNoise): number {
  return (Math.min(pooledDb, mostDb) + Math.min(worstDb, mostDb)) / 2;
}

function formatDb(sqnrDb: number): string {
  return sqnrDb === Number.POSITIVE_INFINITY ? 'equal' : sqnrDb.toFixed(1);
}
