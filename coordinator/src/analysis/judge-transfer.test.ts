import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';
import { judgeTransfer } from './judge-transfer.ts';

const reading = (quantity: string, value: number, low: number, high: number): Reading => ({
  quantity,
  status: 'measured',
  value,
  unit: '1',
  method: 'test',
  interval: { low, high, method: 'test' },
});

function cell(speedUp: readonly [number, number, number] | undefined, verdict = 'trusted'): Cell {
  const readings = speedUp ? { speedup: reading('speedup', ...speedUp) } : {};
  return { readings, timing: { verdict, reasons: [] } } as unknown as Cell;
}

const same = { expects: 'same', why: '', outcome: 'open' } as const;
const accuracy = (value: number, low: number, high: number) => ({
  readings: { 'transfer.accuracy.difference': reading('transfer.accuracy.difference', value, low, high) },
  prediction: same,
});

const fast: readonly [number, number, number] = [2, 1.96, 2.04];

test('right answers and as much speed-up: transfers', () => {
  const found = judgeTransfer({ comparison: accuracy(0.1, -0.2, 0.4), here: cell(fast), there: cell(fast) });
  assert.equal(found.verdict, 'transfers');
  assert.match(found.reasons[0]!, /accuracy -0\.10 points \[-0\.40, \+0\.20\], within 1/);
});

test('right answers with less speed-up transfer with loss, more speed-up is none', () => {
  const comparison = accuracy(0, -0.2, 0.2);
  const slow = judgeTransfer({
    comparison,
    here: cell([1.2, 1.18, 1.22]),
    there: cell(fast),
    whyNotFaster: ['no dot products'],
  });
  assert.deepEqual([slow.verdict, slow.reasons.at(-1)], ['transfers with loss', 'no dot products']);
  assert.equal(
    judgeTransfer({ comparison, here: cell([3, 2.9, 3.1]), there: cell(fast) }).verdict,
    'transfers',
  );
});

test('accuracy that is shown to be lost does not transfer, whatever the speed', () => {
  const comparison = {
    ...accuracy(5, 3, 7),
    prediction: { expects: 'differs', why: '12 channels can overflow', outcome: 'confirmed' } as const,
  };
  const found = judgeTransfer({ comparison, here: cell(fast), there: cell(fast) });
  assert.equal(found.verdict, 'does not transfer');
  assert.match(found.reasons[0]!, /12 channels can overflow/);
});

test('not different is not transfers: wide intervals, few inputs, timings that are not trusted', () => {
  const wide = judgeTransfer({ comparison: accuracy(0, -4, 4), here: cell(fast), there: cell(fast) });
  assert.equal(wide.verdict, 'cannot be said');
  const comparison = accuracy(0, -0.2, 0.2);
  for (const here of [cell([2, 1.5, 2.7]), cell(fast, 'noisy'), cell(undefined)]) {
    assert.equal(judgeTransfer({ comparison, here, there: cell(fast) }).verdict, 'cannot be said');
  }
});

test('without labels the variant’s own flips decide', () => {
  const flips = (value: number, low: number, high: number) => ({
    readings: { 'transfer.flips.top1.variant': reading('transfer.flips.top1.variant', value, low, high) },
    prediction: same,
  });
  const judge = (value: number, low: number, high: number) =>
    judgeTransfer({ comparison: flips(value, low, high), here: cell(fast), there: cell(fast) }).verdict;
  assert.equal(judge(0, 0, 0.005), 'transfers');
  assert.equal(judge(0.2, 0.15, 0.26), 'does not transfer');
  assert.equal(judge(0.01, 0.001, 0.05), 'cannot be said');
});
