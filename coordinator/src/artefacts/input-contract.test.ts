import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import type { TensorInfo } from './artefacts.ts';
import { resolveContract } from './input-contract.ts';

const input = (shape: (number | string)[], elementType = 'float32', name = 'x'): TensorInfo => ({
  name,
  elementType,
  shape,
});

test('without a contract items are passed unscaled, and the note says so', () => {
  const { contract, notes } = resolveContract(undefined, [input([1, 1, 28, 28])]);
  assert.deepEqual(contract, inputContractSchema.parse(contract));
  assert.deepEqual(contract, {
    layout: 'NCHW',
    elementType: 'float32',
    channels: 'gray',
    height: 28,
    width: 28,
    resize: 'cover',
    filter: 'bilinear',
    scale: 1,
    mean: [],
    deviation: [],
    inputName: 'x',
  });
  assert.deepEqual(notes, ['No input contract given: items are passed unscaled (preset raw).']);
});

test('the layout is read from the shape of the input', () => {
  const shapes: [(number | string)[], string, string, number, number][] = [
    [['n', 3, 224, 192], 'NCHW', 'RGB', 224, 192],
    [['n', 224, 192, 3], 'NHWC', 'RGB', 224, 192],
    [[1, 28, 20, 1], 'NHWC', 'gray', 28, 20],
    [[1, 3, 8, 3], 'NCHW', 'RGB', 8, 3],
    [[1, 5, 8, 8], 'as-is', '', 0, 0],
    [['n', 80], 'as-is', '', 0, 0],
  ];
  for (const [shape, layout, channels, height, width] of shapes) {
    const { contract } = resolveContract({ preset: 'unit' }, [input(shape)]);
    assert.deepEqual(
      [contract.layout, contract.channels, contract.height, contract.width],
      [layout, channels, height, width],
      String(shape),
    );
  }
});

test('where both layouts fit, the wanted one is taken', () => {
  const { contract } = resolveContract({ layout: 'NHWC' }, [input([1, 3, 8, 3])]);
  assert.deepEqual([contract.layout, contract.height, contract.width], ['NHWC', 3, 8]);
});

test('a preset gives scale, mean and deviation, and single fields override it', () => {
  const { contract } = resolveContract({ preset: 'imagenet', channels: 'BGR', mean: [0, 0, 0] }, [
    input(['n', 3, 224, 224]),
  ]);
  assert.deepEqual(contract.mean, [0, 0, 0]);
  assert.deepEqual(contract.deviation, [0.229, 0.224, 0.225]);
  assert.equal(contract.scale, 1 / 255);
  assert.equal(contract.channels, 'BGR');
});

test('sizes that the model leaves open are taken from what is given', () => {
  const open = [input(['n', 3, 'h', 'w'])];
  const { contract } = resolveContract({ height: 320, width: 240 }, open);
  assert.deepEqual([contract.height, contract.width], [320, 240]);
  const partly = resolveContract({ height: 320 }, open);
  assert.deepEqual([partly.contract.height, partly.contract.width], [320, 0]);
  assert.match(partly.notes.join(), /leaves the size of its input open: images are fed in their own size/);
});

test('items go to the input that is named, else to the first, and the note says so', () => {
  const inputs = [input(['n', 512], 'float32', 'input'), input([2, 'n', 128], 'float32', 'state')];
  assert.equal(resolveContract({ inputName: 'state' }, inputs).contract.inputName, 'state');
  const { contract, notes } = resolveContract({ preset: 'raw' }, inputs);
  assert.equal(contract.inputName, 'input');
  assert.deepEqual(notes, ['The model has the inputs input, state: items go to input.']);
});

test('what contradicts the model or itself is an error with expected and got', () => {
  const model = [input(['n', 3, 224, 224])];
  const wrong: [Parameters<typeof resolveContract>[0], RegExp][] = [
    [{ height: 128 }, /height: expected 224, got 128/],
    [{ layout: 'NHWC' }, /layout: expected as-is, .*\[n, 3, 224, 224\], got NHWC/],
    [{ channels: 'gray' }, /channels: expected RGB, .*having 3, got gray/],
    [{ elementType: 'uint8' }, /elementType: expected float32, got uint8/],
    [{ inputName: 'y' }, /inputName: expected one of x, got y/],
    [{ mean: [1, 2] }, /mean: expected 0 or 1 or 3 numbers, got 2/],
    [{ deviation: [0] }, /deviation: expected numbers other than 0, got 0/],
    [{ scale: 0 }, /scale: expected a finite number other than 0, got 0/],
    [{ preset: 'caffe' as never }, /no input preset "caffe"/],
    [{ preset: 'mnist' }, /channels: expected RGB, .* got gray/],
  ];
  for (const [given, message] of wrong)
    assert.throws(() => resolveContract(given, model), { code: 'invalid-argument', message });
});

test('a vector model takes no image sizes', () => {
  assert.throws(() => resolveContract({ height: 4 }, [input(['n', 10])]), {
    message: /height: expected none, got 4/,
  });
});

test('the imagenet preset resizes the shorter side to 256 for 224, other sizes in proportion, unless told otherwise', () => {
  const resizeOf = (size: number, resize?: number | 'stretch') =>
    resolveContract({ preset: 'imagenet', resize }, [input([1, 3, size, size])]).contract.resize;
  assert.deepEqual([resizeOf(224), resizeOf(299), resizeOf(224, 'stretch')], [256, 342, 'stretch']);
  assert.throws(() => resizeOf(224, 200), {
    code: 'invalid-argument',
    message: /resize: expected at least 224/,
  });
});
