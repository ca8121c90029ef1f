import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '@qfleet/shared/reading.ts';
import { type NumericsEvidence, predictNumerics } from './predict-numerics.ts';

const exact = { 'numerics.u8s8': 'exact', 'numerics.u8u8': 'exact', provider: 'cpu' };
const saturating = { ...exact, 'numerics.u8s8': 'saturating' };
const sqnr = (value: number): Reading => ({
  quantity: 'x',
  status: 'measured',
  value,
  unit: 'dB',
  method: 'test',
});

const predict = (change: Partial<NumericsEvidence>) =>
  predictNumerics({
    record: { format: 'uint8/int8', saturation: { operatorsAtRisk: 2, channelsAtRisk: 12 } },
    here: saturating,
    there: exact,
    outputs: 'different',
    sqnr: sqnr(12),
    ...change,
  });
const safe = { format: 'uint8/int8', saturation: { operatorsAtRisk: 0, channelsAtRisk: 0 } };

test('saturation in one place alone and channels at risk: differs, and runs confirm or refute it', () => {
  assert.deepEqual([predict({}).expects, predict({}).outcome], ['differs', 'confirmed']);
  assert.match(predict({}).why, /12 output channels/);
  assert.equal(predict({ sqnr: sqnr(45) }).outcome, 'refuted');
  assert.equal(predict({ outputs: 'identical' }).outcome, 'refuted');
  assert.equal(predict({ sqnr: undefined }).outcome, 'open');
});

test('no channel at risk, or the same kernels: the same up to rounding', () => {
  assert.deepEqual(
    [predict({ record: safe }).expects, predict({ record: safe }).outcome],
    ['same', 'refuted'],
  );
  assert.equal(predict({ here: exact, sqnr: sqnr(45) }).outcome, 'confirmed');
  assert.equal(predict({ here: saturating, there: saturating, outputs: 'identical' }).outcome, 'confirmed');
});

test('kernels that round or compute otherwise differ for bytes alone', () => {
  const other = { ...exact, 'numerics.u8u8': 'wrong' };
  assert.equal(predict({ record: safe, here: other }).expects, 'differs');
  assert.equal(predict({ record: { ...safe, format: 'float32' }, here: other }).expects, 'same');
});

test('without a fingerprint, a scan or a record nothing is predicted', () => {
  for (const change of [{ here: {} }, { record: { format: 'uint8/int8' } }, { record: undefined }]) {
    const { expects, outcome } = predict(change as Partial<NumericsEvidence>);
    assert.deepEqual([expects, outcome], ['unknown', 'open']);
  }
});
