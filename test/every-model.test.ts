import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkEveryRecipe, type RecipeSubject, writeImages } from './support/check-every-recipe.ts';
import { Lab } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';
import { realModels } from './support/real-models.ts';

const foreign = (name: string): string => join(projectFolder, 'test/foreign', name);
const some = ['fp16', 'int8-min-max', 'int8-dyn', 'int4-wo'];

const subjects: Readonly<Record<string, RecipeSubject>> = {
  'every recipe makes a file of a network of PyTorch': {
    path: foreign('float32-torchscript.onnx'),
    image: [16, 16, 3],
  },
  'each quick recipe makes a file of a deployed MobileNetV3 with open sizes (PP-OCR)': {
    path: realModels['ocr-classifier'],
    image: [48, 192, 3],
    recipes: some,
    contract: { layout: 'NCHW', channels: 'BGR', height: 48, width: 192, scale: 1 / 127.5, mean: [1] },
  },
  'every recipe makes a file of a network with state (silero VAD)': { path: realModels['silero-vad-legacy'] },
};

for (const [what, subject] of Object.entries(subjects))
  test(`${what} that runs, or is refused with a reason`, () => checkEveryRecipe(subject));

test('a quantized model is refused as a model to quantize', async () => {
  await using lab = new Lab();
  const out = join(lab.folder, 'out');
  const images = await writeImages(lab, [16, 16, 3]);
  for (const more of [[], ['--calibration', images, '--preset', 'unit']]) {
    const order = ['quantize', foreign('ort-qdq-u8s8-per-channel.onnx'), '--recipe', 'all', '--out', out];
    const { code, stderr } = await lab.qfleet(...order, ...more);
    assert.notEqual(code, 0);
    assert.match(stderr, /quantized already/);
  }
});
