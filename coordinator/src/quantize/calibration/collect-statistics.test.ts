import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { OrtChild } from '../../ort/ort-child.ts';
import type { Feeds } from '../../ort/ort-messages.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { floats } from '../rewrite/fixtures/run-model.ts';
import { uint8Activations } from '../static/compute-scale.ts';
import { withOutputs } from './augment-model.ts';
import { addHistograms, collectExtremes } from './collect-statistics.ts';
import { findObserver } from './observers/find-observer.ts';
import { halfOf, histogramBins, type Statistics } from './tensor-statistics.ts';

/** Conv, Relu, depthwise Conv, pooling, Gemm; `log` is NaN where an image's values are below -8. */
function smallNet(): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { image: [1, 3, 8, 8] },
    outputs: { y: [1, 4], log: [1, 3, 8, 8] },
    initialisers: [
      randomWeights('w1', [6, 3, 3, 3]),
      randomWeights('b1', [6]),
      randomWeights('w2', [6, 1, 1, 1]),
      randomWeights('w3', [4, 6]),
      randomWeights('b3', [4]),
      createTensor('eight', 'float32', [], Float32Array.of(8)),
    ],
    nodes: [
      buildNode('Conv', ['image', 'w1', 'b1'], ['c1'], [intsAttribute('pads', [1, 1, 1, 1])]),
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Conv', ['r1', 'w2'], ['c2'], [intAttribute('group', 6)]),
      buildNode('GlobalAveragePool', ['c2'], ['pooled']),
      buildNode('Flatten', ['pooled'], ['flat']),
      buildNode('Gemm', ['flat', 'w3', 'b3'], ['y'], [intAttribute('transB', 1)]),
      buildNode('Add', ['image', 'eight'], ['raised']),
      buildNode('Log', ['raised'], ['log']),
    ],
  });
}

const net = smallNet();
const dims = [1, 3, 8, 8];
const items = Array.from({ length: 9 }, (_, i) => randomValues(dims, i % 4 === 0 ? 3 : 1));
const tensors = ['image', 'c1', 'r1', 'c2', 'flat', 'y'];

async function* feedsOf(list: readonly Float32Array[]): AsyncGenerator<Feeds> {
  for (const item of list) yield { image: floats(dims, item) };
}

function collect(list: readonly Float32Array[] = items, names = tensors): Promise<Statistics> {
  return collectExtremes(net, () => feedsOf(list), { tensors: names });
}

async function count(statistics: Statistics, list: readonly Float32Array[] = items): Promise<Statistics> {
  const types = await inferShapes(net);
  return await addHistograms(net, () => feedsOf(list), { tensors, statistics, types });
}

describe('collecting statistics', () => {
  let folder = '';
  /** Each tensor's values, input by input. */
  const seen = new Map<string, Float32Array[]>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    const path = join(folder, 'model.onnx');
    await writeFile(path, writeModel(withOutputs(net, tensors)));
    await using child = new OrtChild();
    await child.open({ path, optimisation: 'all', threads: 1 });
    for await (const feeds of feedsOf(items)) {
      const outputs = await child.run(feeds);
      for (const tensor of tensors)
        seen.set(tensor, [...(seen.get(tensor) ?? []), outputs[tensor]!.data as Float32Array]);
    }
  });
  after(async () => rm(folder, { recursive: true }));

  it('finds the extremes that the activations have', async () => {
    const statistics = await collect();
    assert.deepEqual(Object.keys(statistics), tensors);
    for (const tensor of tensors) {
      const values = seen.get(tensor)!.flatMap((each) => [...each]);
      const { low, high } = statistics[tensor]!;
      assert.deepEqual([low, high], [Math.min(...values), Math.max(...values)], tensor);
    }
    assert.equal(statistics['r1']!.low, 0);
  });

  it('averages the extremes of single inputs, the newest counting a hundredth, in the inputs’ order', async () => {
    const statistics = await collect();
    for (const tensor of tensors) {
      const lows = seen.get(tensor)!.map((values) => Math.min(...values));
      const highs = seen.get(tensor)!.map((values) => Math.max(...values));
      const average = (list: number[]): number => list.reduce((mean, each) => 0.99 * mean + 0.01 * each);
      const { low, high } = statistics[tensor]!.average;
      assert.ok(Math.abs(low - average(lows)) < 1e-9 && Math.abs(high - average(highs)) < 1e-9, tensor);
    }
    const backwards = await collect(items.toReversed());
    assert.notDeepEqual(backwards['c1']!.average, statistics['c1']!.average);
    assert.deepEqual(
      [backwards['c1']!.low, backwards['c1']!.high],
      [statistics['c1']!.low, statistics['c1']!.high],
    );
  });

  it('counts every value once, in the bin that holds it', async () => {
    const extremes = await collect();
    const statistics = await count(extremes);
    for (const tensor of tensors) {
      const values = seen.get(tensor)!.flatMap((each) => [...each]);
      const { low, high, histogram } = statistics[tensor]!;
      const expected = new Array<number>(histogramBins).fill(0);
      for (const value of values) {
        const bin = Math.floor(((value - low) * histogramBins) / (high - low));
        expected[Math.min(bin, histogramBins - 1)]!++;
      }
      assert.equal(
        histogram!.reduce((a, b) => a + b, 0),
        values.length,
      );
      // A value on the edge between two bins may be rounded into either.
      const differences = histogram!.map((each, bin) => Math.abs(each - expected[bin]!));
      assert.ok(differences.reduce((a, b) => a + b, 0) <= 4, tensor);
      const { histogram: _, halves, ...rest } = statistics[tensor]!;
      const { halves: extremesOfHalves, ...extremesOfAll } = extremes[tensor]!;
      assert.deepEqual(rest, extremesOfAll);
      assert.deepEqual(
        halves!.map(({ low, high, average }) => ({ low, high, average })),
        extremesOfHalves,
      );
    }
  });

  it('knows the even and the odd inputs apart: their ranges are those of collecting them alone', async () => {
    const both = await count(await collect());
    for (const half of [0, 1] as const) {
      const own = items.filter((_, i) => i % 2 === half);
      const alone = await count(await collect(own, tensors), own);
      for (const tensor of tensors) {
        const found = halfOf(both, half)[tensor]!;
        const { low, high, average, histogram } = alone[tensor]!;
        assert.deepEqual([found.low, found.high, found.average], [low, high, average], tensor);
        const total = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);
        assert.equal(total(found.histogram!), total(histogram!), tensor);
        const binWidth = (both[tensor]!.high - both[tensor]!.low) / histogramBins;
        for (const spec of [{ method: 'mse' }, { method: 'percentile', percentile: 99 }] as const) {
          const [halved, whole] = [found, alone[tensor]!].map((seen) =>
            findObserver(spec.method).chooseRange(seen, uint8Activations, spec),
          );
          // Bins have other edges: a bin, or a step of the search, either way.
          const step = 0.03 * (high - low) + 2 * binWidth;
          assert.ok(Math.abs(halved!.low - whole!.low) < step, `${tensor} ${spec.method}`);
          assert.ok(Math.abs(halved!.high - whole!.high) < step, `${tensor} ${spec.method}`);
        }
      }
    }
  });

  it('counts in the first and last bin what the extremes do not reach', async () => {
    const extremes = await collect();
    const narrow = Object.fromEntries(
      Object.entries(extremes).map(([tensor, each]) => [tensor, { ...each, low: -0.01, high: 0.01 }]),
    );
    const { image } = await count(narrow);
    assert.equal(
      image!.histogram!.reduce((a, b) => a + b, 0),
      9 * 192,
    );
    assert.ok(image!.histogram!.at(0)! > 400 && image!.histogram!.at(-1)! > 400);
  });

  it('tells its progress input by input', async () => {
    const done: number[] = [];
    await collectExtremes(net, () => feedsOf(items), { tensors, onInput: (each) => done.push(each) });
    assert.deepEqual(
      done,
      items.map((_, i) => i + 1),
    );
  });

  it('marks a tensor that holds a NaN or an infinity with the first input, and measures the others', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const spoilt = items.map((item) => item.slice());
      for (const item of [3, 5]) spoilt[item]![100] = value;
      const found = await collect(spoilt, ['image', 'y']);
      assert.equal(found['image']!.nonFiniteIn, 3);
      const options = { tensors: ['image'], statistics: found, types: new Map() };
      const counted = await addHistograms(net, () => feedsOf(spoilt), options);
      assert.equal(counted['image']!.histogram, undefined);
    }
    const inside = items.map((item) => item.slice());
    inside[3]![100] = -9;
    const found = await collect(inside, ['c1', 'log']);
    assert.deepEqual([found['c1']!.nonFiniteIn, found['log']!.nonFiniteIn], [undefined, 3]);
    assert.ok(found['c1']!.high > 0);
  });

  it('knows the range of finite values whose sum overflows, and finds a NaN among them', async () => {
    const large = items.map((item) => item.map((value) => (Math.abs(value) + 1) * 5e37));
    const found = await collect(large, ['image']);
    const values = large.flatMap((item) => [...item]);
    assert.deepEqual([found['image']!.low, found['image']!.high], [Math.min(...values), Math.max(...values)]);
    large[4]![7] = Number.NaN;
    assert.equal((await collect(large, ['image']))['image']!.nonFiniteIn, 4);
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const run = collectExtremes(net, () => feedsOf(items), {
      tensors,
      signal: controller.signal,
      onInput: (done) => {
        if (done === 2) controller.abort();
      },
    });
    await assert.rejects(run, { code: 'cancelled' });
  });

  const hasTaskset = spawnSync('taskset', ['--version']).status === 0;
  const skip = hasTaskset && availableParallelism() > 1 ? false : 'needs taskset and more than one processor';
  it('does not depend on the number of processes that share the inputs', { skip }, async () => {
    const modelPath = join(folder, 'net.onnx');
    const requestPath = join(folder, 'request.json');
    await writeFile(modelPath, writeModel(net));
    const request = { tensors, input: 'image', dims, items: items.map((item) => [...item]) };
    await writeFile(requestPath, JSON.stringify(request));
    const script = fileURLToPath(new URL('./collect-statistics.fixture.ts', import.meta.url));
    const command = [process.execPath, script, modelPath, requestPath];
    const [one, all] = await Promise.all([
      promisify(execFile)('taskset', ['-c', '0', ...command]),
      promisify(execFile)(command[0]!, command.slice(1)),
    ]);
    assert.deepEqual(JSON.parse(one.stdout), JSON.parse(all.stdout));
    assert.deepEqual(JSON.parse(all.stdout), await count(await collect()));
  });
});
