import { unlink } from 'node:fs/promises';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { OrtChild } from '../../ort/ort-child.ts';
import type { Outputs } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import type { Workbench } from '../workbench.ts';
import { OutputNoise } from './output-noise.ts';

/** Inputs on which forms of a model are compared. */
export const noiseInputs = 32;

/**
 * Output SQNR of forms of a model against the folded float model, dB, with the kernels that a device would use, on the
 * first calibration inputs; of several outputs the worst. -Infinity where outputs are not finite. Models may be made one
 * by one, as they are taken.
 */
export async function measureOutputNoise(
  bench: Workbench,
  candidates: Iterable<ModelProto>,
): Promise<number[]> {
  const expected = await bench.once('float outputs', () => runFloatModel(bench));
  const measure = async (child: OrtChild, file: string): Promise<number> => {
    await child.open({ path: file, optimisation: 'all' });
    await unlink(file);
    const noise = new OutputNoise();
    let i = 0;
    for await (const feeds of bench.samples.feeds(noiseInputs))
      noise.add(expected[i++]!, await child.run(feeds));
    return noise.isBroken ? Number.NEGATIVE_INFINITY : noise.worst()!.sqnrDb;
  };
  await using pool = new OrtPool((await bench.fileOf(bench.folded)).sizeBytes, bench.limits);
  return await Array.fromAsync(pool.map(writeEach(bench, candidates), measure));
}

async function runFloatModel(bench: Workbench): Promise<Outputs[]> {
  const { path, sizeBytes } = await bench.fileOf(bench.folded);
  await using pool = new OrtPool(sizeBytes, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  return await Array.fromAsync(
    pool.map(bench.samples.feeds(noiseInputs), (child, feeds) => child.run(feeds)),
  );
}

async function* writeEach(bench: Workbench, candidates: Iterable<ModelProto>): AsyncGenerator<string> {
  let count = 0;
  for (const candidate of candidates) yield (await bench.write(`candidate-${count++}`, candidate)).path;
}
