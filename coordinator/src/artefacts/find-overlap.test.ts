import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOverlap } from './find-overlap.ts';

test('shared items are counted once for each time they are evaluated, with the first five positions', () => {
  const evaluation = ['a', 'b', 'c', 'b', 'd', 'e', 'f', 'g'];
  assert.deepEqual(findOverlap(['b', 'c', 'd', 'e', 'f', 'z'], evaluation), {
    count: 6,
    examples: [1, 2, 3, 4, 5],
  });
});

test('sets that share nothing do not overlap', () => {
  assert.deepEqual(findOverlap(['a'], ['b']), { count: 0, examples: [] });
});
