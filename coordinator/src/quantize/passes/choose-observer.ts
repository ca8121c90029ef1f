import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { describeObserver, type ObserverSpec } from '../calibration/observers/observer.ts';
import { measureOutputNoise, noiseInputs } from '../check/measure-output-noise.ts';
import type { Workbench } from '../workbench.ts';

/** What is tried, in the order in which equals win. */
export const searchedObservers: readonly ObserverSpec[] = [
  { method: 'min-max' },
  { method: 'percentile', percentile: 99.999 },
  { method: 'percentile', percentile: 99.99 },
  { method: 'percentile', percentile: 99.9 },
  { method: 'entropy' },
  { method: 'mse' },
];

/**
 * The observer whose ranges give the least noise in the model's outputs, measured with the real kernels on calibration
 * inputs: which one that is differs from model to model.
 */
export async function chooseObserver(
  bench: Workbench,
  emit: (observer: ObserverSpec) => ModelProto,
): Promise<{ readonly observer: ObserverSpec; readonly notes: readonly string[] }> {
  bench.onStep('comparing observers');
  const found = await measureOutputNoise(bench, emitEach(emit));
  const best = found.reduce((a, sqnrDb, i) => (sqnrDb > found[a]! ? i : a), 0);
  const observer = searchedObservers[best]!;
  const figures = searchedObservers
    .map((tried, i) => `${describeObserver(tried)} ${found[i]!.toFixed(1)}`)
    .join(', ');
  const count = Math.min(noiseInputs, bench.samples.count);
  return {
    observer,
    notes: [`Observer ${describeObserver(observer)}: of ${figures} dB on ${count} calibration inputs.`],
  };
}

function* emitEach(emit: (observer: ObserverSpec) => ModelProto): Generator<ModelProto> {
  for (const observer of searchedObservers) yield emit(observer);
}
