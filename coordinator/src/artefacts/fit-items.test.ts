import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputContractSchema } from '@qfleet/shared/inputs/input-contract.ts';
import { fitItems } from './fit-items.ts';

const contract = inputContractSchema.parse({ layout: 'NCHW', channels: 'RGB', height: 32, width: 32 });
const images = { name: 'set', item: { elementType: 'uint8', shape: [32, 32, 3] }, channels: 'RGB' } as const;
const asIs = inputContractSchema.parse({ layout: 'as-is' });
const tensors = (shape: number[], elementType = 'float32') =>
  ({ name: 'set', item: { elementType, shape }, channels: '' }) as const;
const input = (shape: (number | string)[]) => ({ name: 'x', elementType: 'float32', shape });
const mutable = (set: typeof images) => ({ ...set, item: { ...set.item, shape: [...set.item.shape] } });

test('images of the right size and colouring stay as they are', () => {
  assert.deepEqual(fitItems(mutable(images), contract, undefined), { kind: 'as-stored', shape: [32, 32, 3] });
});

test('images of another size or channel count are converted, and stay RGB where the model wants BGR', () => {
  const bgr = { ...contract, channels: 'BGR' } as const;
  const large = { height: 224, width: 224, resize: 256, filter: 'bicubic' } as const;
  assert.deepEqual(fitItems(mutable(images), { ...bgr, ...large }, undefined), {
    kind: 'convert',
    to: { ...large, channels: 'RGB' },
  });
  assert.deepEqual(fitItems(mutable(images), { ...contract, channels: 'gray' }, undefined), {
    kind: 'convert',
    to: { height: 32, width: 32, resize: 'cover', filter: 'bilinear', channels: 'gray' },
  });
  assert.equal(fitItems(mutable(images), bgr, undefined).kind, 'as-stored');
});

test('a matrix is an image of one channel', () => {
  const fit = fitItems(tensors([32, 32]), { ...contract, channels: 'gray' }, undefined);
  assert.deepEqual(fit, { kind: 'as-stored', shape: [32, 32, 1] });
});

test('float images of another size are refused with expected and got', () => {
  assert.throws(() => fitItems({ ...tensors([16, 16, 3]), channels: 'RGB' }, contract, undefined), {
    code: 'shape-mismatch',
    message: 'The model expects items of [32, 32, 3] (RGB images); those of set are float32 [16, 16, 3].',
  });
});

test('vectors for an image model are refused', () => {
  assert.throws(() => fitItems(tensors([3072]), contract, undefined), { code: 'shape-mismatch' });
});

test('tensors fit the shape of the model input, its batch dimension and dimensions of 1 aside', () => {
  const fitted = (shape: number[], model: (number | string)[]) =>
    fitItems(tensors(shape), asIs, input(model));
  assert.deepEqual(fitted([80, 100], ['n', 80, 100]), { kind: 'as-stored', shape: [80, 100] });
  assert.deepEqual(fitted([80, 100], ['n', 1, 80, 100]), { kind: 'as-stored', shape: [1, 80, 100] });
  assert.deepEqual(fitted([80, 1, 100], [1, 80, 'frames']), { kind: 'as-stored', shape: [80, 100] });
  assert.deepEqual(fitted([80, 100], [80, 100]), { kind: 'as-stored', shape: [80, 100] });
  assert.deepEqual(fitted([1], ['n', 'k']), { kind: 'as-stored', shape: [1] });
  assert.throws(() => fitItems(tensors([100, 80]), asIs, input(['n', 80, 100])), {
    code: 'shape-mismatch',
    message:
      /expects items of \[80, 100\] \(input x without its batch dimension\); those of set are float32 \[100, 80\]/,
  });
});

test('float items for an integer input are refused', () => {
  const tokens = { ...asIs, elementType: 'int64' };
  assert.throws(() => fitItems(tensors([5]), tokens, undefined), {
    code: 'shape-mismatch',
    message: /takes int64/,
  });
  assert.equal(fitItems(tensors([5], 'int64'), tokens, undefined).kind, 'as-stored');
});

test('where the model leaves its size open, images of one size keep theirs', () => {
  const open = { ...contract, height: 0, width: 0 };
  assert.deepEqual(fitItems(mutable(images), open, undefined), { kind: 'as-stored', shape: [32, 32, 3] });
  assert.deepEqual(fitItems(mutable(images), { ...open, channels: 'gray' }, undefined), {
    kind: 'convert',
    to: { height: 32, width: 32, resize: 'cover', filter: 'bilinear', channels: 'gray' },
  });
  assert.throws(() => fitItems(mutable(images), { ...open, height: 64 }, undefined), {
    code: 'invalid-argument',
    message: /leaves the size of its input open, and the images of set do not have the size that it fixes/,
  });
  assert.throws(() => fitItems({ ...mutable(images), encoding: 'image-files' }, open, undefined), {
    message: /the images of set differ in size/,
  });
});
