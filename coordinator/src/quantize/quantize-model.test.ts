import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import { prepareInput } from '@qfleet/shared/inputs/prepare-input.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { sampleContract, sampleModel } from '../../../test/support/glyph-data.ts';
import type { GraphProto } from '../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { digitNet } from '../onnx/fixtures/digit-net.ts';
import { mobileNet } from '../onnx/fixtures/mobile-net.ts';
import { indexGraph } from '../onnx/graph-index.ts';
import { parseModel } from '../onnx/parse-model.ts';
import { readFloats, readTensor } from '../onnx/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { OrtChild } from '../ort/ort-child.ts';
import { makeGlyphSet } from '../sample/make-glyph-set.ts';
import { residualNet } from './fixtures/residual-net.ts';
import { type QuantizedVariant, type QuantizeOptions, quantizeModel } from './quantize-model.ts';
import { resolveRecipes } from './recipes/resolve-recipes.ts';

const random = createRandom(11);
const images = Array.from({ length: 20 }, () => Uint8Array.from({ length: 192 }, () => random.below(256)));

function options(modelPath: string, outDir: string, recipes: string[]): QuantizeOptions {
  return {
    modelPath,
    outDir,
    recipes: resolveRecipes(recipes),
    contract: {
      layout: 'NCHW',
      elementType: 'float32',
      channels: 'RGB',
      height: 8,
      width: 8,
      scale: 1 / 255,
      mean: [0.5],
      deviation: [0.25],
      inputName: 'image',
    },
    calibration: {
      datasetDigest: 'd',
      item: { elementType: 'uint8', shape: [8, 8, 3] },
      items: () => stream(images),
      itemDigests: images.map(digestBytes),
    },
  };
}

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function readGraph(path: string): Promise<GraphProto> {
  return parseModel(await readFile(path)).graph!;
}

function countTypes(graph: GraphProto): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType } of graph.node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

async function optimise(path: string): Promise<Record<string, number>> {
  await using child = new OrtChild();
  await child.open({ path, optimisation: 'all', optimisedPath: `${path}.optimised` });
  const counts = countTypes(await readGraph(`${path}.optimised`));
  await rm(`${path}.optimised`);
  return counts;
}

describe('quantizeModel', () => {
  let folder = '';
  let modelPath = '';
  let variants: QuantizedVariant[] = [];
  const steps: number[] = [];
  const variant = (recipe: string): QuantizedVariant => variants.find((found) => found.recipe === recipe)!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    modelPath = join(folder, 'model.onnx');
    await writeFile(modelPath, writeModel(residualNet()));
    const recipes = ['fp32', 'int8-per-tensor', 'int8-per-channel'];
    const made = await quantizeModel({
      ...options(modelPath, join(folder, 'out'), recipes),
      onProgress: (_step, fraction) => steps.push(fraction),
    });
    assert.deepEqual(made.refused, []);
    variants = [...made.variants];
  });
  after(async () => rm(folder, { recursive: true }));

  it('makes one file per recipe and nothing else, with growing progress up to 1', async () => {
    assert.deepEqual((await readdir(join(folder, 'out'))).sort(), [
      'fp32.onnx',
      'int8-per-channel.onnx',
      'int8-per-tensor.onnx',
    ]);
    assert.deepEqual(
      steps,
      steps.toSorted((a, b) => a - b),
    );
    assert.equal(steps.at(-1), 1);
    for (const { path, digest, sizeBytes } of variants) {
      const bytes = await readFile(path);
      assert.deepEqual([digestBytes(bytes), bytes.length], [digest, sizeBytes]);
    }
  });

  it('folds BatchNorm into the baseline without changing outputs beyond rounding', async () => {
    const { record, path } = variant('fp32');
    assert.equal(countTypes(await readGraph(path))['BatchNormalization'], undefined);
    assert.ok(record.outputSqnrDb === undefined || record.outputSqnrDb > 100, `${record.outputSqnrDb}`);
    assert.equal(record.calibration, undefined);
  });

  it('is close to the model, and closer per channel', () => {
    const [tensor, channel] = [variant('int8-per-tensor'), variant('int8-per-channel')];
    assert.ok(tensor.record.outputSqnrDb! > 25, `${tensor.record.outputSqnrDb}`);
    assert.ok(channel.record.outputSqnrDb! > tensor.record.outputSqnrDb!);
  });

  it('runs on integers from the first convolution to the last product', async () => {
    const fused = await optimise(variant('int8-per-channel').path);
    assert.equal(fused['QLinearConv'], 2);
    assert.equal(fused['QLinearAdd'], 2);
    assert.equal(fused['QLinearConcat'], 1);
    assert.equal(fused['QLinearGlobalAveragePool'], 1);
    assert.equal(fused['QGemm'], 1);
    assert.deepEqual(
      [fused['Conv'], fused['Clip'], fused['Relu'], fused['Gemm'], fused['MatMul']],
      Array(5).fill(undefined),
    );
    const { record } = variant('int8-per-channel');
    assert.deepEqual(record.quantizedOperators, {
      Conv: 2,
      Add: 2,
      Concat: 1,
      GlobalAveragePool: 1,
      Flatten: 1,
      Gemm: 1,
      MatMul: 1,
    });
    assert.equal(record.floatOperators['Softmax'], 1);
  });

  it('clips by the range where it took Clip and Relu away, at zero point 0', async () => {
    const { initialisers } = indexGraph(await readGraph(variant('int8-per-channel').path));
    for (const tensor of ['r1', 'r2'])
      assert.equal(readTensor(initialisers.get(`${tensor}_zero_point`)!).data[0], 0);
    assert.ok(readFloats(initialisers.get('r1_scale')!)[0]! <= Math.fround(6 / 255));
  });

  it('shares a scale through Flatten, keeps the model’s name of input and output, and says how it was made', async () => {
    const model = parseModel(await readFile(variant('int8-per-tensor').path));
    const { initialisers } = indexGraph(model.graph!);
    assert.deepEqual(
      readFloats(initialisers.get('flat_scale')!),
      readFloats(initialisers.get('pooled_scale')!),
    );
    assert.deepEqual([model.graph!.input[0]!.name, model.graph!.output[0]!.name], ['image', 'probabilities']);
    const { record, blobs } = variant('int8-per-tensor');
    const properties = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
    const { calibration, spec } = record;
    const { description: _, ...stamped } = spec!;
    assert.deepEqual(JSON.parse(properties['qfleet.spec']!), stamped);
    delete properties['qfleet.spec'];
    assert.deepEqual(properties, {
      'qfleet.recipe': 'int8-per-tensor',
      'qfleet.calibration.dataset': 'd',
      'qfleet.calibration.samples': calibration!.samplesDigest,
      'qfleet.calibration.method': 'min-max',
      'qfleet.ranges': calibration!.rangesBlob,
    });
    assert.equal(digestBytes(blobs!.ranges), record.calibration!.rangesBlob);
    assert.equal(Buffer.from(blobs!.sampleDigests).toString().split('\n')[0], digestBytes(images[0]!));
    assert.equal(record.calibration!.count, 20);
  });

  it('gives the same bytes again from the same data', async () => {
    const again = await quantizeModel(options(modelPath, join(folder, 'again'), ['int8-per-channel']));
    assert.equal(again.variants[0]!.digest, variant('int8-per-channel').digest);
  });

  it('leaves nothing behind where data or model do not fit, and says why', async () => {
    const outDir = join(folder, 'refused');
    const base = options(modelPath, outDir, ['int8-per-channel']);
    const withItems = (items: Uint8Array[], elementType: string): QuantizeOptions => ({
      ...base,
      calibration: {
        ...base.calibration!,
        items: () => stream(items),
        itemDigests: items.map(digestBytes),
        item: { elementType, shape: [8, 8, 3] },
      },
    });
    const nan = new Uint8Array(new Float32Array(192).fill(Number.NaN).buffer);
    const fine = new Uint8Array(new Float32Array(192).buffer);
    const quantizeOne = async (order: QuantizeOptions): Promise<void> => {
      const { refused } = await quantizeModel(order);
      if (refused[0]) throw refused[0].error;
    };
    await assert.rejects(quantizeOne(withItems([fine, nan], 'float32')), {
      code: 'refused',
      message: /"image".*input 1/,
    });
    await assert.rejects(quantizeOne(withItems([], 'uint8')), {
      code: 'refused',
      message: /no calibration inputs/,
    });
    assert.throws(() => resolveRecipes(['int3']), { code: 'not-found', message: /int3/ });
    const quantized = variant('int8-per-tensor').path;
    await assert.rejects(quantizeModel({ ...base, modelPath: quantized }), {
      code: 'refused',
      message: /quantized already/,
    });
    const twoInputs = buildModel({
      opset: 13,
      inputs: { a: [1], b: [1] },
      outputs: { y: [1] },
      nodes: [buildNode('Add', ['a', 'b'], ['y'])],
    });
    const other = join(folder, 'other.onnx');
    await writeFile(other, writeModel(twoInputs));
    await assert.rejects(quantizeOne({ ...base, modelPath: other }), {
      code: 'refused',
      message: /2 inputs \(a, b\)/,
    });
    assert.deepEqual(await readdir(outDir), []);
  });

  it('stops in the middle of calibration when it is cancelled', async () => {
    const controller = new AbortController();
    const outDir = join(folder, 'cancelled');
    const base = options(modelPath, outDir, ['int8-per-channel']);
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let i = 0; ; i++) {
        if (i === 3) controller.abort();
        yield images[i % 20]!;
      }
    }
    const run = quantizeModel({
      ...base,
      signal: controller.signal,
      calibration: { ...base.calibration!, items: endless },
    });
    await assert.rejects(run, { code: 'cancelled' });
    assert.deepEqual(await readdir(outDir), []);
  });

  it('keeps the answers of a trained classifier', async () => {
    const { images: pixels, height, width, channels, ...set } = makeGlyphSet({ seed: 5, count: 600 });
    const size = height * width * channels;
    const glyph = (i: number): Uint8Array => pixels.subarray(i * size, (i + 1) * size);
    const item = { elementType: 'uint8', shape: [height, width, channels] };
    const contract = inputContractSchema.parse(JSON.parse(await readFile(sampleContract, 'utf8')));
    const made = await quantizeModel({
      modelPath: sampleModel,
      outDir: join(folder, 'glyphs'),
      recipes: resolveRecipes(['fp32', 'int8-per-channel']),
      contract,
      calibration: {
        datasetDigest: 'glyphs',
        item,
        items: () => stream(Array.from({ length: 40 }, (_, i) => glyph(i))),
        itemDigests: Array.from({ length: 40 }, (_, i) => digestBytes(glyph(i))),
      },
    });
    const answers = await Promise.all(
      made.variants.map(async ({ path }) => {
        await using child = new OrtChild();
        const { inputs, outputs } = await child.open({ path, optimisation: 'all', threads: 1 });
        const classes: number[] = [];
        for (let i = 100; i < 600; i++) {
          const found = await child.run({
            [inputs[0]!.name]: { elementType: 'float32', ...prepareInput(glyph(i), item, contract) },
          });
          const scores = [...(found[outputs[0]!.name]!.data as Float32Array)];
          classes.push(scores.indexOf(Math.max(...scores)));
        }
        return classes;
      }),
    );
    const right = answers[0]!.filter((answer, i) => answer === set.labels[i + 100]).length;
    assert.ok(right >= 450, `${right} of 500 are right`);
    const flips = answers[0]!.filter((answer, i) => answer !== answers[1]![i]).length;
    assert.ok(flips <= 5, `${flips} of 500 answers differ`);
  });

  it('quantizes a network of opset 8', async () => {
    const digits = Array.from({ length: 20 }, () =>
      Uint8Array.from({ length: 784 }, () => random.below(256)),
    );
    const path = join(folder, 'digits.onnx');
    await writeFile(path, writeModel(digitNet()));
    const made = await quantizeModel({
      modelPath: path,
      outDir: join(folder, 'digits'),
      recipes: resolveRecipes(['int8-min-max']),
      contract: { ...options('', '', []).contract!, channels: 'gray', height: 28, width: 28, inputName: '' },
      calibration: {
        datasetDigest: 'digits',
        item: { elementType: 'uint8', shape: [28, 28, 1] },
        items: () => stream(digits),
        itemDigests: digits.map(digestBytes),
      },
    });
    assert.deepEqual(made.refused, []);
    const { record } = made.variants[0]!;
    assert.deepEqual([record.quantizedOperators['Conv'], record.quantizedOperators['Gemm']], [2, 1]);
    assert.ok(record.outputSqnrDb! > 25, `${record.outputSqnrDb}`);
  });

  it('has all 52 convolutions and 10 additions of MobileNetV2 on integers', async () => {
    const noise = [1, 2].map(() => Uint8Array.from({ length: 64 * 64 * 3 }, () => random.below(256)));
    const path = join(folder, 'mobilenet.onnx');
    await writeFile(path, writeModel(mobileNet({ width: 0.25, size: 64 })));
    const made = await quantizeModel({
      modelPath: path,
      outDir: join(folder, 'mobilenet'),
      recipes: resolveRecipes(['int8-min-max']),
      contract: { ...options('', '', []).contract!, height: 64, width: 64 },
      calibration: {
        datasetDigest: 'random',
        item: { elementType: 'uint8', shape: [64, 64, 3] },
        items: () => stream(noise),
        itemDigests: noise.map(digestBytes),
      },
    });
    const { QLinearConv, QLinearAdd, QLinearGlobalAveragePool, QGemm, QuantizeLinear, DequantizeLinear } =
      await optimise(made.variants[0]!.path);
    assert.deepEqual(
      [QLinearConv, QLinearAdd, QLinearGlobalAveragePool, QGemm, QuantizeLinear, DequantizeLinear],
      [52, 10, 1, 1, 1, undefined],
    );
  });
});
