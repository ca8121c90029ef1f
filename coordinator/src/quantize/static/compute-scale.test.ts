import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import { computeActivationScale, computeWeightScale } from './compute-scale.ts';

/** low, high, scale and zero point as uint8, scale as symmetric int8: printed by `compute_scale_zp` of onnxruntime 1.32. */
const reference = [
  [-1.0, 1.0, 0.007843137718737125, 128, 0.007874015718698502],
  [0.1, 6.0, 0.0235294122248888, 0, 0.04724409431219101],
  [-3.3, 0.7, 0.0156862735748291, 210, 0.025984251871705055],
  [0, 0, 1.0, 0, 1.0],
  [-2.5, -1, 0.009803921915590763, 255, 0.019685039296746254],
  [1e-39, 2e-39, 1.0, 0, 1.0],
  [-0.123456, 4.56789, 0.018397435545921326, 7, 0.035967640578746796],
] as const;

describe('scales', () => {
  for (const [low, high, scale, zeroPoint, weightScale] of reference) {
    it(`are those of onnxruntime.quantization for [${low}, ${high}]`, () => {
      const range = { low: Math.fround(low), high: Math.fround(high) };
      assert.deepEqual(computeActivationScale(range), { scale, zeroPoint });
      assert.equal(computeWeightScale(range), weightScale);
    });
  }

  it('round ties to even', () => {
    assert.deepEqual([0.5, 1.5, 2.5, -1.5, -2.5, 2.4, -2.6].map(roundHalfEven), [0, 2, 2, -2, -2, 2, -3]);
  });
});
