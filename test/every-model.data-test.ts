import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkEveryRecipe, writeImages } from './support/check-every-recipe.ts';
import { Lab } from './support/lab.ts';
import { testDataPath } from './support/test-data.ts';

/** Image sizes of the models that take one image, `[height, width, channels]`. */
const models: Readonly<Record<string, readonly number[] | undefined>> = {
  'mnist-8': [28, 28, 1],
  'mnist-cnn-pytorch': [28, 28, 1],
  'squeezenet1.1': [224, 224, 3],
  'mobilenetv2-7': [224, 224, 3],
  FastestDet: [352, 352, 3],
  'Ultraface_version-RFB-320': [240, 320, 3],
  yunet_n_320_320: [320, 320, 3],
  silero_vad_16k_op15: undefined,
};

/** Models that take up to two minutes with all recipes: with the quick ones, unless QFLEET_TEST_ALL is set. */
const large = new Set([
  'squeezenet1.1',
  'mobilenetv2-7',
  'FastestDet',
  'Ultraface_version-RFB-320',
  'yunet_n_320_320',
]);
const some = ['fp16', 'int8-min-max', 'int8-dyn', 'int4-wo'];

for (const [name, image] of Object.entries(models)) {
  const isQuick = large.has(name) && !process.env['QFLEET_TEST_ALL'];
  test(`${isQuick ? 'each quick recipe' : 'every recipe'} makes a file of ${name} that runs, or is refused with a reason`, () =>
    checkEveryRecipe({
      path: testDataPath(`models/${name}.onnx`),
      image,
      recipes: isQuick ? some : undefined,
    }));
}

test('a quantized model is refused as a model to quantize', async () => {
  await using lab = new Lab();
  const quantized = testDataPath('models/mobilenetv2-7-ort-qdq-int8.onnx');
  const out = join(lab.folder, 'out');
  const images = await writeImages(lab, [224, 224, 3]);
  for (const more of [[], ['--calibration', images, '--preset', 'unit']]) {
    const order = ['quantize', quantized, '--recipe', 'all', '--out', out];
    const { code, stderr } = await lab.qfleet(...order, ...more);
    assert.notEqual(code, 0);
    assert.match(stderr, /quantized already/);
  }
});
