import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSteady } from './warm-up.ts';

describe('isSteady', () => {
  it('wants two whole windows of five whose medians differ by less than 2 %', () => {
    const window = (median: number): number[] => [median * 2, median, median * 0.9, median, median * 1.1];
    assert.equal(isSteady(window(100)), false);
    assert.equal(isSteady([...window(100), ...window(101.9)]), true);
    assert.equal(isSteady([...window(100), ...window(102.1)]), false);
    assert.equal(isSteady([...window(100), ...window(97)]), false);
    assert.equal(isSteady([...window(50), ...window(100), ...window(100)]), true);
  });

  it('judges at the end of a window alone', () => {
    assert.equal(isSteady(Array.from({ length: 11 }, () => 100)), false);
  });
});
