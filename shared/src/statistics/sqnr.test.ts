import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sqnr } from './sqnr.ts';

test('noise of a tenth of the signal is 20 dB', () => {
  const result = sqnr(Float32Array.of(10, 0, 0), Float32Array.of(10, 1, 0));
  assert.ok(result.db !== undefined && Math.abs(result.db - 20) < 1e-12);
  assert.equal(result.identical, false);
});

test('identical outputs have no ratio but a flag, since JSON has no infinity', () => {
  const result = sqnr(Float32Array.of(1, 2), Float32Array.of(1, 2));
  assert.equal(result.identical, true);
  assert.equal(result.db, undefined);
});

test('what has no ratio says why', () => {
  assert.match(sqnr(Float32Array.of(0, 0), Float32Array.of(1, 0)).reason ?? '', /^no-signal/);
  assert.match(sqnr(Float32Array.of(1, 0), Float32Array.of(Number.NaN, 0)).reason ?? '', /^not-finite/);
  const zeros = sqnr(Float32Array.of(1, 0), Float32Array.of(1, -0));
  assert.equal(zeros.identical, false);
  assert.match(zeros.reason ?? '', /^equal-values/);
});

test('a common scale of both sides does not change the ratio', () => {
  const values = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 4, maxLength: 20 });
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 3 }), (reference, index) => {
      fc.pre(reference.some((value) => value !== 0));
      const actual = reference.map((value, i) => (i === index ? value + 1 : value));
      const plain = sqnr(Float32Array.from(reference), Float32Array.from(actual));
      const scaled = sqnr(
        Float32Array.from(reference, (v) => v * 4),
        Float32Array.from(actual, (v) => v * 4),
      );
      assert.ok(plain.db !== undefined && scaled.db !== undefined && Math.abs(plain.db - scaled.db) < 1e-9);
    }),
    { seed: 8, numRuns: 100 },
  );
});

test('unequal lengths are refused', () => {
  assert.throws(() => sqnr(Float32Array.of(1), Float32Array.of(1, 2)), RangeError);
});
