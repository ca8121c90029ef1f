import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { writeNpz } from '../coordinator/src/cli/demo/write-npz.ts';
import { mobileNet } from '../coordinator/src/onnx/fixtures/mobile-net.ts';
import { writeModel } from '../coordinator/src/onnx/write-model.ts';
import { Lab } from './support/lab.ts';

test('A network of MobileNetV2’s shape, quantized per channel, has all 52 convolutions in integer kernels, a speed-up with its interval, and no accuracy, for the labels do not fit', async () => {
  await using lab = new Lab();
  const model = join(lab.folder, 'mobilenet.onnx');
  writeFileSync(model, writeModel(mobileNet({ width: 0.25, size: 64 })));
  const images = join(lab.folder, 'colours.npz');
  const random = createRandom(6);
  await writeNpz(images, {
    images: {
      data: Uint8Array.from({ length: 110 * 32 * 32 * 3 }, () => random.below(256)),
      shape: [110, 32, 32, 3],
    },
    labels: { data: Uint8Array.from({ length: 110 }, (_, i) => i % 10), shape: [110] },
  });
  await lab.startCoordinator();
  await lab.startAgent('native', '--backends', 'onnxruntime-cpu');
  await lab.qfleetOk('model', 'add', model, '--preset', 'imagenet');
  await lab.qfleetOk('dataset', 'add', images, '--name', 'colours', '--split', '50');
  await lab.qfleetOk('quantize', 'mobilenet', '--calibration', 'colours', '--recipe', 'int8-min-max');
  const order = [
    '--model',
    'mobilenet',
    '--dataset',
    'colours',
    '--limit',
    '60',
    '--repeats',
    '0',
    '--duration',
    '300',
    '--no-probe',
    '--wait',
  ];
  await lab.qfleetOk('run', 'create', ...order);
  const { cells } = await lab.report();
  const int8 = cells.find((cell: { variant: { name: string } }) => cell.variant.name === 'int8-min-max');
  const count = (type: string): number =>
    int8.operators.find((use: { type: string }) => use.type === type)?.count ?? 0;
  assert.equal(count('QLinearConv'), 52);
  assert.equal(count('Conv') + count('FusedConv'), 0, 'no convolution is left in float');
  const { speedup } = int8.readings;
  assert.notEqual(speedup.status, 'unavailable');
  assert.ok(speedup.interval.low <= speedup.value && speedup.value <= speedup.interval.high);
  assert.match(int8.readings['accuracy.top1'].reason, /^labels-do-not-fit/);
  assert.equal(int8.readings['agreement.top1'].n, 60);
});
