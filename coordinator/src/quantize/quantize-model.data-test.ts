import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { prepareInput } from '@qfleet/shared/inputs/prepare-input.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { testDataPath } from '../../../test/support/test-data.ts';
import { parseModel } from '../onnx/parse-model.ts';
import { OrtChild } from '../ort/ort-child.ts';
import { quantizeModel } from './quantize-model.ts';
import { resolveRecipes } from './recipes/resolve-recipes.ts';
import { countOptimised } from './rewrite/fixtures/run-model.ts';

const random = createRandom(11);

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

describe('quantizeModel', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  const mnist = testDataPath('models/mnist-8.onnx');
  const digits = testDataPath('datasets/mnist-t10k/t10k-images-idx3-ubyte.gz');
  it('keeps the answers of a real digit classifier of opset 8', async () => {
    const pixels = gunzipSync(await readFile(digits)).subarray(16);
    const digit = (i: number): Uint8Array => pixels.subarray(i * 784, (i + 1) * 784);
    const item = { elementType: 'uint8', shape: [28, 28, 1] };
    const contract = {
      layout: 'NCHW',
      elementType: 'float32',
      channels: 'gray',
      height: 28,
      width: 28,
      scale: 1,
      mean: [],
      deviation: [],
      inputName: '',
    };
    const made = await quantizeModel({
      modelPath: mnist,
      outDir: join(folder, 'mnist'),
      recipes: resolveRecipes(['fp32', 'int8-per-channel']),
      contract,
      calibration: {
        datasetDigest: 'mnist',
        item,
        items: () => stream(Array.from({ length: 100 }, (_, i) => digit(i))),
        itemDigests: Array.from({ length: 100 }, (_, i) => digestBytes(digit(i))),
      },
    });
    const answers = await Promise.all(
      made.variants.map(async ({ path }) => {
        await using child = new OrtChild();
        await child.open({ path, optimisation: 'all', threads: 1 });
        const classes: number[] = [];
        for (let i = 100; i < 600; i++) {
          const { Plus214_Output_0: output } = await child.run({
            Input3: { elementType: 'float32', ...prepareInput(digit(i), item, contract) },
          });
          const scores = [...(output!.data as Float32Array)];
          classes.push(scores.indexOf(Math.max(...scores)));
        }
        return classes;
      }),
    );
    const flips = answers[0]!.filter((answer, i) => answer !== answers[1]![i]).length;
    assert.ok(flips <= 3, `${flips} of 500 answers differ`);
  });

  const mobilenet = testDataPath('models/mobilenetv2-7.onnx');
  it('has all 52 convolutions and 10 additions of MobileNetV2 on integers', async () => {
    const noise = [1, 2].map(() => Uint8Array.from({ length: 224 * 224 * 3 }, () => random.below(256)));
    const made = await quantizeModel({
      modelPath: mobilenet,
      outDir: join(folder, 'mobilenet'),
      recipes: resolveRecipes(['int8-per-channel']),
      contract: {
        layout: 'NCHW',
        elementType: 'float32',
        channels: 'RGB',
        height: 224,
        width: 224,
        scale: 1 / 255,
        mean: [0.485, 0.456, 0.406],
        deviation: [0.229, 0.224, 0.225],
        inputName: '',
      },
      calibration: {
        datasetDigest: 'random',
        item: { elementType: 'uint8', shape: [224, 224, 3] },
        items: () => stream(noise),
        itemDigests: noise.map(digestBytes),
      },
    });
    const { QLinearConv, QLinearAdd, QLinearGlobalAveragePool, QGemm, QuantizeLinear, DequantizeLinear } =
      await countOptimised(parseModel(await readFile(made.variants[0]!.path)));
    assert.deepEqual(
      [QLinearConv, QLinearAdd, QLinearGlobalAveragePool, QGemm, QuantizeLinear, DequantizeLinear],
      [52, 10, 1, 1, 1, undefined],
    );
  });
});
