import { unlink } from 'node:fs/promises';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { OrtChild } from '../../ort/ort-child.ts';
import type { Feeds, Outputs } from '../../ort/ort-messages.ts';
import { OrtPool } from '../../ort/ort-pool.ts';
import { maxComparisonBytes } from '../calibration/calibration-samples.ts';
import type { Workbench } from '../workbench.ts';
import { OutputNoise, summariseNoise } from './output-noise.ts';

/** Calibration inputs on which forms of a model are compared, the first ones. */
export const noiseInputs = 64;

/** A form of a model and the inputs that it is judged on: all of the first `noiseInputs`, or some by their index. */
export interface JudgedModel {
  readonly model: ModelProto;
  readonly isJudgedOn?: (input: number) => boolean;
}

/**
 * How far forms of a model are from the folded float model, with the kernels that a device would use, input by input.
 * Models may be made one by one, as they are taken.
 */
export async function measureOutputNoise(
  bench: Workbench,
  candidates: Iterable<JudgedModel>,
): Promise<OutputNoise[][]> {
  const expected = await bench.once('float outputs', () => runFloatModel(bench));
  const measure = async (child: OrtChild, { path, isJudgedOn }: WrittenModel): Promise<OutputNoise[]> => {
    await child.open({ path, optimisation: 'all' });
    await unlink(path);
    const found: OutputNoise[] = [];
    let input = 0;
    for await (const feeds of bench.samples.feeds(expected.length)) {
      const index = input++;
      if (!isJudgedOn(index)) continue;
      const noise = new OutputNoise();
      noise.add(expected[index]!, await child.run(feeds));
      found.push(noise);
    }
    return found;
  };
  await using pool = new OrtPool((await bench.fileOf(bench.folded)).sizeBytes, bench.limits);
  return await Array.fromAsync(pool.map(writeEach(bench, candidates), measure));
}

/** Output SQNR of each form over all inputs that it is judged on, dB; -Infinity where outputs are not finite. */
export async function measurePooledNoise(
  bench: Workbench,
  candidates: Iterable<JudgedModel>,
): Promise<number[]> {
  const found = await measureOutputNoise(bench, candidates);
  return found.map((inputs) => summariseNoise(inputs).pooledDb);
}

/** As many as the bound on memory allows. */
async function runFloatModel(bench: Workbench): Promise<Outputs[]> {
  const { path, sizeBytes } = await bench.fileOf(bench.folded);
  await using pool = new OrtPool(sizeBytes, bench.limits);
  await pool.open({ slot: 'main', path, optimisation: 'all' });
  const run = (child: OrtChild, feeds: Feeds): Promise<Outputs> => child.run(feeds);
  const found: Outputs[] = [];
  let bytes = 0;
  for await (const outputs of pool.map(bench.samples.feeds(noiseInputs), run)) {
    for (const { data } of Object.values(outputs)) bytes += data.byteLength;
    if (found.length > 0 && bytes > maxComparisonBytes) break;
    found.push(outputs);
  }
  return found;
}

interface WrittenModel {
  readonly path: string;
  readonly isJudgedOn: (input: number) => boolean;
}

async function* writeEach(bench: Workbench, candidates: Iterable<JudgedModel>): AsyncGenerator<WrittenModel> {
  let count = 0;
  for (const { model, isJudgedOn = () => true } of candidates)
    yield { path: (await bench.write(`candidate-${count++}`, model)).path, isJudgedOn };
}
