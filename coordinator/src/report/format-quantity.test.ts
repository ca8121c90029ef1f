import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Footnotes } from './footnotes.ts';
import { chooseScale, formatValue, threeFigures } from './format-quantity.ts';
import { stripControl } from './strip-control.ts';

test('three significant figures, no exponents', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [1, '1.00'],
    [0.0123456, '0.0123'],
    [9.999, '10.0'],
    [99.95, '100'],
    [123.4, '123'],
    [1234.5, '1235'],
    [-2.345, '-2.35'],
  ];
  for (const [value, expected] of cases) assert.equal(threeFigures(value), expected, String(value));
});

test('what is shown is within half a unit of its third figure', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 999, noNaN: true }), (value) => {
      const shown = threeFigures(value);
      assert.doesNotMatch(shown, /e/);
      assert.ok(Math.abs(Number(shown) - value) <= value * 0.00501, `${value} as ${shown}`);
    }),
    { seed: 9, numRuns: 300 },
  );
});

test('units are chosen for all values of a column together', () => {
  assert.equal(chooseScale('latency.p50', 'ns', [1.9e6, 41e6]).unit, 'ms');
  assert.equal(chooseScale('latency.p50', 'ns', [3.7e4]).unit, 'µs');
  assert.equal(chooseScale('cache.l2.effective', 'B', [524_288]).unit, 'KiB');
  assert.equal(chooseScale('model.size', 'B', [3.5e6, 9e5]).unit, 'MB');
  assert.equal(chooseScale('mem.bandwidth.copy.1', 'B/s', [1.4e10]).unit, 'GB/s');
  assert.equal(formatValue(0.98914, chooseScale('accuracy.top1', '1', [])), '98.91');
  assert.equal(chooseScale('speedup', '1', []).unit, '×');
  assert.equal(formatValue(48_250, chooseScale('temperature.max', 'milliC', [48_250])), '48.3');
});

test('a unit nobody foresaw is shown as it is', () => {
  assert.deepEqual(chooseScale('odd', 'furlong', [3]), { unit: 'furlong', factor: 1 });
});

test('footnotes number reasons a, b, … z, aa, and equal reasons share one', () => {
  const footnotes = new Footnotes();
  const codes = Array.from({ length: 28 }, (_, i) => footnotes.code(`reason ${i}`));
  assert.deepEqual([codes[0], codes[25], codes[26], codes[27]], ['a', 'z', 'aa', 'ab']);
  assert.equal(footnotes.code('reason 0'), 'a');
});

test('escape sequences, control characters and reversed writing are taken out of text', () => {
  assert.equal(stripControl('a\u001b[31mb\u001b[0m\r\nc\u202ed\u0007'), 'ab c d');
  assert.equal(stripControl('\u001b]8;;http://x\u0007link\u001b]8;;\u0007'), 'link');
});
