import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import {
  computeWeightScales,
  quantizeBias,
  quantizeOperand,
  quantizeWeight,
  raiseScalesForBias,
} from './quantize-weight.ts';

const random = createRandom(7);
const values = Float32Array.from(
  { length: 3 * 4 * 5 },
  (_, i) => (random.next() - 0.5) * (1 + (Math.floor(i / 5) % 4)),
);

describe('quantized weights', () => {
  it('differ from the float ones by at most half a step of their own channel', () => {
    const weight = { values, dims: [3, 4, 5], axis: 1 };
    const scales = computeWeightScales(weight, 'w');
    const quantized = quantizeWeight(weight, scales);
    assert.equal(scales.length, 4);
    for (const [i, value] of values.entries()) {
      const scale = scales[Math.floor(i / 5) % 4]!;
      assert.ok(Math.abs(quantized[i]! * scale - value) <= scale / 2 + 1e-7);
    }
    for (const channel of [0, 1, 2, 3]) {
      const largest = Math.max(
        ...[...quantized].filter((_, i) => Math.floor(i / 5) % 4 === channel).map(Math.abs),
      );
      assert.equal(largest, 127);
    }
  });

  it('are refused where one is not a number, by name and place', () => {
    const broken = Float32Array.of(1, Number.NaN);
    const weight = { values: broken, dims: [2], axis: undefined };
    assert.throws(() => computeWeightScales(weight, 'w'), {
      code: 'refused',
      message: /"w" holds NaN at element 1/,
    });
    assert.throws(() => quantizeOperand(Float32Array.of(Number.POSITIVE_INFINITY), 'c'), { code: 'refused' });
  });

  it('get larger scales where the bias would not fit an int32', () => {
    const bias = Float32Array.of(100, 0.5, 0);
    const scales = Float32Array.of(1e-9, 1e-3, 1e-9);
    assert.equal(raiseScalesForBias(scales, 0.01, bias), 1);
    assert.equal(scales[1], Math.fround(1e-3));
    const { data } = quantizeBias(bias, 0.01, scales);
    assert.ok(data[0]! < 2 ** 31 - 1 && data[0]! > 0.999 * 2 ** 31, `${data[0]}`);
    assert.equal(data[1], Math.round(0.5 / Math.fround(0.01 * Math.fround(1e-3))));
  });

  it('get larger scales where no float32 could hold the bias’s, whatever the bias', () => {
    for (const values of [[1], [0]]) {
      const [bias, scales] = [Float32Array.from(values), Float32Array.of(1e-30)];
      assert.equal(raiseScalesForBias(scales, 1e-20, bias), 1);
      const quantized = quantizeBias(bias, 1e-20, scales);
      assert.ok(quantized.scales[0]! >= 2 ** -126);
      assert.ok(Math.abs(quantized.data[0]! * quantized.scales[0]! - bias[0]!) <= quantized.scales[0]!);
    }
  });
});
