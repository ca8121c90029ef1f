import { unlink } from 'node:fs/promises';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { ObserverSpec } from '../calibration/observers/observer.ts';
import { OutputNoise } from '../check/output-noise.ts';
import type { OrtChild } from '../ort-child.ts';
import type { Feeds } from '../ort-messages.ts';
import { OrtPool } from '../ort-pool.ts';
import type { Workbench } from '../workbench.ts';

/** What is tried, in the order in which equals win. */
export const searchedObservers: readonly ObserverSpec[] = [
  { method: 'min-max' },
  { method: 'percentile', percentile: 99.999 },
  { method: 'entropy' },
  { method: 'mse' },
];

/** Inputs on which they are compared. */
const searchInputs = 32;

/**
 * The observer whose ranges give the least noise in the model's outputs, measured with the real kernels on calibration
 * inputs: which one that is differs from model to model. With several outputs the worst one counts.
 */
export async function chooseObserver(
  bench: Workbench,
  emit: (observer: ObserverSpec) => ModelProto,
): Promise<{ readonly observer: ObserverSpec; readonly notes: readonly string[] }> {
  bench.onStep('comparing observers');
  const inputs = (await bench.samples.kept()).slice(0, searchInputs);
  const { path, bytes } = await bench.write('float', bench.folded.model);
  await using pool = new OrtPool(bytes.length, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  const expected: Feeds[] = [];
  for await (const outputs of pool.map(stream(inputs), (child, feeds) => child.run(feeds)))
    expected.push(outputs);
  const measure = async (child: OrtChild, file: string): Promise<number> => {
    await child.open({ slot: 'candidate', path: file, optimisation: 'all', threads: 1 });
    await unlink(file);
    const noise = new OutputNoise();
    for (const [i, feeds] of inputs.entries()) noise.add(expected[i]!, await child.run(feeds, 'candidate'));
    return noise.nonFinite > 0 ? Number.NEGATIVE_INFINITY : noise.worst()!.sqnrDb;
  };
  const found: { observer: ObserverSpec; sqnrDb: number }[] = [];
  for await (const sqnrDb of pool.map(writeCandidates(bench, emit), measure))
    found.push({ observer: searchedObservers[found.length]!, sqnrDb });
  const best = found.reduce((a, b) => (b.sqnrDb > a.sqnrDb ? b : a));
  const figures = found.map(({ observer, sqnrDb }) => `${observer.method} ${sqnrDb.toFixed(1)}`).join(', ');
  return {
    observer: best.observer,
    notes: [`Observer ${best.observer.method}: of ${figures} dB on ${inputs.length} calibration inputs.`],
  };
}

async function* writeCandidates(
  bench: Workbench,
  emit: (observer: ObserverSpec) => ModelProto,
): AsyncGenerator<string> {
  for (const observer of searchedObservers)
    yield (await bench.write(`observer-${observer.method}`, emit(observer))).path;
}

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
