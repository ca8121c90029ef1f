import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelsFit } from './labels-fit.ts';

const ten = { classes: { count: 10 } };

test('labels fit where the first output has one value for each class', () => {
  assert.deepEqual(labelsFit(ten, [{ shape: ['batch', 10] }, { shape: [1, 7] }]), { fits: true });
});

test('labels of ten classes do not fit a model of a thousand', () => {
  assert.deepEqual(labelsFit(ten, [{ shape: [1, 1000] }]), {
    fits: false,
    reason: 'labels-do-not-fit: dataset has 10 classes, model has 1000 outputs',
  });
});

test('labels do not fit a model whose output width is open, or that has no output', () => {
  const reason = 'labels-do-not-fit: dataset has 10 classes, model has no fixed number of outputs';
  assert.deepEqual(labelsFit(ten, [{ shape: [1, 'n'] }]), { fits: false, reason });
  assert.deepEqual(labelsFit(ten, []), { fits: false, reason });
});

test('a dataset without labels says so', () => {
  assert.deepEqual(labelsFit({}, [{ shape: [1, 10] }]), { fits: false, reason: 'no-labels' });
});
