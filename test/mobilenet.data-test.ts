import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from './support/lab.ts';
import { testDataPath } from './support/test-data.ts';

const model = 'models/mobilenetv2-7.onnx';
const images = 'datasets/cifar10-test-jpg.tar';

test('MobileNetV2 per channel has all 52 convolutions in integer kernels, a speed-up with its interval, and no accuracy, for the labels do not fit', async () => {
  await using lab = new Lab();
  await lab.startCoordinator();
  await lab.startAgent('native', '--backends', 'onnxruntime-cpu');
  await lab.qfleetOk('model', 'add', testDataPath(model), '--preset', 'imagenet');
  await lab.qfleetOk('dataset', 'add', testDataPath(images), '--name', 'cifar10', '--split', '50');
  await lab.qfleetOk('quantize', 'mobilenetv2-7', '--calibration', 'cifar10', '--recipe', 'int8-per-channel');
  const order = [
    '--model',
    'mobilenetv2-7',
    '--dataset',
    'cifar10',
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
  const int8 = cells.find((cell: { variant: { name: string } }) => cell.variant.name === 'int8-per-channel');
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
