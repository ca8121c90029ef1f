import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kendallTau } from '@qfleet/shared/statistics/rank-agreement.ts';
import fc from 'fast-check';
import { PairOrders } from './pair-orders.ts';

const isTied = (a: number, b: number): boolean => Math.abs(a - b) < 0.5;

test('τ-b from orders worked out once is that of the two rankings, whatever is tied or missing', () => {
  const log = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  );
  const row = fc
    .array(log, { minLength: 12, maxLength: 12 })
    .map((values) => Float64Array.from(values, (v) => v / 4));
  fc.assert(
    fc.property(row, row, (first, second) => {
      const common = [...first.keys()].filter((i) => !Number.isNaN(first[i]! + second[i]!));
      const [x, y] = [common.map((i) => first[i]!), common.map((i) => second[i]!)];
      const expected = kendallTau(x, y, (i, j, side) => {
        const values = side === 'first' ? x : y;
        return isTied(values[i]!, values[j]!);
      });
      assert.equal(new PairOrders([first, second], isTied).tau(0, 1, common.length), expected);
    }),
  );
});
