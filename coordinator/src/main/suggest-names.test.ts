import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestNames } from './suggest-names.ts';

test('a mistyped name is answered with the nearest known ones, nearest first', () => {
  const known = ['mnist-8', 'mnist-12', 'mobilenetv2-7', 'glyphnet'];
  assert.deepEqual(suggestNames('mnits-8', known), ['mnist-8']);
  assert.deepEqual(suggestNames('MNIST', known), ['mnist-12', 'mnist-8']);
  assert.deepEqual(suggestNames('glyphnt', known), ['glyphnet']);
});

test('a name like none of them gets no suggestion', () => {
  assert.deepEqual(suggestNames('resnet50', ['mnist-8', 'glyphnet']), []);
});
