import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';
import fc from 'fast-check';
import { quantizeLinear } from '../../onnx/reference/quantize-linear.ts';
import { createValue, type Value } from '../../onnx/reference/value.ts';
import { computeActivationScale, computeWeightScale, type Range } from './compute-scale.ts';
import {
  computeWeightScales,
  quantizeBias,
  quantizeOperand,
  quantizeWeight,
  raiseScalesForBias,
  type WeightLayout,
} from './quantize-weight.ts';

/**
 * In steps: half for rounding to a whole number; the rest for float32. x / scale reaches 256 at most, where float32
 * has steps of 2^-16, so the quotient is off by 2^-17; the scale itself is off by one part in 2^24, which moves the
 * end of the range by 256 * 2^-24 = 2^-16 beyond the last code. Never both: at the end the code is the last one
 * whatever the quotient.
 */
const halfStep = 0.5 + 2 ** -16;

/**
 * Either any float far from float32's ends, so that neither scales nor products leave its normal numbers, or evenly
 * spread ones, without which nearly all of a list would fall on its first and last code.
 */
const even = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((whole) => whole * 2 ** -10);
const value = fc.oneof(fc.float({ min: -(2 ** 60), max: 2 ** 60, noNaN: true }).map(flushTiny), even);
const values = fc
  .oneof(fc.array(value, { minLength: 1, maxLength: 40 }), fc.array(even, { minLength: 1, maxLength: 40 }))
  .map((list) => Float32Array.from(list));
/** Powers of two, which float32 multiplies by exactly. */
const exponent = fc.integer({ min: -20, max: 20 });

/** [outer, channels, inner], channels along axis 1. */
const weight: fc.Arbitrary<WeightLayout> = fc
  .record({
    outer: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 4 }),
    inner: fc.integer({ min: 1, max: 5 }),
  })
  .chain(({ outer, channels, inner }) =>
    fc
      .array(even, { minLength: outer * channels * inner, maxLength: outer * channels * inner })
      .map((list) => ({ values: Float32Array.from(list), dims: [outer, channels, inner], axis: 1 })),
  );

describe('roundHalfEven', () => {
  it('gives the nearest whole number, the even one of two', () => {
    check(fc.double({ min: -(2 ** 40), max: 2 ** 40, noNaN: true }), (x) => {
      const rounded = roundHalfEven(x);
      assert.ok(Number.isInteger(rounded) && Math.abs(rounded - x) <= 0.5);
    });
    check(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (whole) => {
      assert.equal(Math.abs(roundHalfEven(whole + 0.5) % 2), 0);
      assert.equal(Math.abs(roundHalfEven(whole + 0.5) - (whole + 0.5)), 0.5);
      assert.equal(roundHalfEven(whole), whole);
    });
  });

  it('is odd and keeps order', () => {
    check(fc.tuple(value, value), ([a, b]) => {
      assert.equal(roundHalfEven(-a) + roundHalfEven(a), 0);
      assert.ok(a > b || roundHalfEven(a) <= roundHalfEven(b));
    });
  });
});

describe('the scale and zero point of activations', () => {
  it('put 0 on a code of uint8', () => {
    check(values, (list) => {
      const { scale, zeroPoint } = computeActivationScale(rangeOf(list));
      assert.ok(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255, `${zeroPoint}`);
      assert.ok(scale > 0 && Math.fround(scale) === scale, `${scale}`);
      assert.deepEqual(codesOf(Float32Array.of(0), { scale, zeroPoint }), [zeroPoint]);
    });
  });

  it('bring every value of the range back within half a step', () => {
    check(values, (list) => {
      const { scale, zeroPoint } = computeActivationScale(rangeOf(list));
      for (const [i, code] of codesOf(list, { scale, zeroPoint }).entries()) {
        const error = Math.abs(scale * (code - zeroPoint) - list[i]!);
        assert.ok(error <= scale * halfStep, `${list[i]} comes back ${error / scale} steps away`);
      }
    });
  });

  it('use the whole of uint8: the ends of the range are a code from 0 and 255 at most', () => {
    check(values, (list) => {
      const range = rangeOf(list);
      fc.pre(range.low < 0 || range.high > 0);
      const ends = Float32Array.of(Math.min(range.low, 0), Math.max(range.high, 0));
      const [first, last] = codesOf(ends, computeActivationScale(range));
      assert.ok(first! <= 1 && last! >= 254, `${first}…${last}`);
    });
  });

  it('never get finer steps from a wider range', () => {
    check(fc.tuple(values, values), ([list, more]) => {
      const narrow = rangeOf(list);
      // A range of nothing but 0 has scale 1 by agreement, which says nothing about its width.
      fc.pre(narrow.low < 0 || narrow.high > 0);
      const wide = rangeOf(Float32Array.of(...list, ...more));
      assert.ok(computeActivationScale(wide).scale >= computeActivationScale(narrow).scale);
    });
  });

  it('bring every code back to itself through the value that it stands for', () => {
    check(values, (list) => {
      const { scale, zeroPoint } = computeActivationScale(rangeOf(list));
      const codes = Array.from({ length: 256 }, (_, code) => code);
      const real = Float32Array.from(codes, (code) => scale * (code - zeroPoint));
      assert.deepEqual(codesOf(real, { scale, zeroPoint }), codes);
    });
  });

  it('follow a factor of a power of two, with equal codes', () => {
    check(fc.tuple(values, exponent), ([list, power]) => {
      fc.pre(list.some((x) => x !== 0));
      const plain = computeActivationScale(rangeOf(list));
      const larger = scaleBy(list, power);
      const scaled = computeActivationScale(rangeOf(larger));
      assert.deepEqual(scaled, { scale: plain.scale * 2 ** power, zeroPoint: plain.zeroPoint });
      assert.deepEqual(codesOf(larger, scaled), codesOf(list, plain));
    });
  });

  it('quantize a constant as QuantizeLinear does', () => {
    check(values, (list) => {
      const { data, scale, zeroPoint } = quantizeOperand(list, 'constant');
      assert.deepEqual({ scale, zeroPoint }, computeActivationScale(rangeOf(list)));
      assert.deepEqual(Array.from(data), codesOf(list, { scale, zeroPoint }));
    });
  });

  it('round a constant before adding the zero point, as QuantizeLinear does', () => {
    const halves = fc.array(fc.integer({ min: 0, max: 510 }), { minLength: 1, maxLength: 20 });
    check(fc.tuple(halves, fc.integer({ min: 0, max: 255 }), exponent), ([list, zeroPoint, power]) => {
      const step = 2 ** power;
      // With both ends in it the list has this very step and zero point, and ties in between.
      const constant = Float32Array.from([0, ...list, 510], (half) => (half / 2 - zeroPoint) * step);
      const { data, ...found } = quantizeOperand(constant, 'constant');
      assert.deepEqual(found, { scale: step, zeroPoint });
      assert.deepEqual(Array.from(data), codesOf(constant, found));
    });
  });
});

describe('quantized weights', () => {
  it('are the codes of QuantizeLinear with one scale per channel and zero point 0', () => {
    check(weight, (layout) => {
      const scales = computeWeightScales(layout, 'w');
      const { data } = quantizeLinear(
        {
          x: createValue('float32', layout.dims, layout.values),
          scale: createValue('float32', [scales.length], scales),
          zeroPoint: createValue('int8', [scales.length], new Int8Array(scales.length)),
        },
        { axis: 1 },
      );
      assert.deepEqual(plain(quantizeWeight(layout, scales)), plain(data));
    });
  });

  it('round ties as QuantizeLinear does', () => {
    const halves = fc.array(fc.integer({ min: -254, max: 254 }), { minLength: 1, maxLength: 40 });
    check(fc.tuple(halves, exponent), ([list, power]) => {
      const scale = 2 ** power;
      const halfSteps = Float32Array.from(list, (half) => (half / 2) * scale);
      const layout = { values: halfSteps, dims: [list.length], axis: undefined };
      const expected = quantizeLinear({
        x: createValue('float32', [list.length], halfSteps),
        scale: createValue('float32', [], [scale]),
        zeroPoint: createValue('int8', [], [0]),
      });
      assert.deepEqual(plain(quantizeWeight(layout, Float32Array.of(scale))), plain(expected.data));
    });
  });

  it('come back within half a step of their own channel, between -127 and 127, which the largest reaches', () => {
    check(weight, (layout) => {
      const scales = computeWeightScales(layout, 'w');
      const largest = new Map<number, number>();
      for (const [i, code] of quantizeWeight(layout, scales).entries()) {
        const channel = channelOf(layout, i);
        assert.ok(Math.abs(code * scales[channel]! - layout.values[i]!) <= scales[channel]! * halfStep);
        largest.set(channel, Math.max(largest.get(channel) ?? 0, Math.abs(code)));
      }
      for (const [channel, code] of largest) {
        const isZero = layout.values.every((x, i) => x === 0 || channelOf(layout, i) !== channel);
        assert.equal(code, isZero ? 0 : 127);
      }
    });
  });

  it('have for each channel the scale that it would have alone', () => {
    check(weight, (layout) => {
      const scales = computeWeightScales(layout, 'w');
      for (const [channel, scale] of scales.entries()) {
        const own = layout.values.filter((_, i) => channelOf(layout, i) === channel);
        assert.equal(computeWeightScale(rangeOf(own)), scale);
        assert.deepEqual(
          [...computeWeightScales({ values: own, dims: [own.length], axis: undefined }, 'w')],
          [scale],
        );
      }
    });
  });

  it('change sign with the weights, and follow a factor of a power of two', () => {
    check(fc.tuple(weight, exponent), ([layout, power]) => {
      const scales = computeWeightScales(layout, 'w');
      const codes = plain(quantizeWeight(layout, scales));
      const negative = { ...layout, values: layout.values.map((x) => -x) };
      assert.deepEqual(computeWeightScales(negative, 'w'), scales);
      assert.deepEqual(
        plain(quantizeWeight(negative, scales)),
        codes.map((code) => 0 - code),
      );
      const larger = { ...layout, values: scaleBy(layout.values, power) };
      assert.deepEqual(plain(quantizeWeight(larger, computeWeightScales(larger, 'w'))), codes);
    });
  });

  it('never get finer steps from a wider range', () => {
    check(fc.tuple(values, values), ([list, more]) => {
      fc.pre(list.some((x) => x !== 0));
      const wide = computeWeightScale(rangeOf(Float32Array.of(...list, ...more)));
      assert.ok(wide >= computeWeightScale(rangeOf(list)));
    });
  });
});

/** An input's scale, and for each channel a weight scale and a bias, of such sizes that products stay normal. */
const biased = fc.record({
  inputScale: fc.float({ min: 2 ** -20, max: 2 ** 10, noNaN: true }),
  channels: fc.array(
    fc.record({
      scale: fc.float({ min: 2 ** -40, max: 1, noNaN: true }),
      bias: fc.float({ min: -(2 ** 20), max: 2 ** 20, noNaN: true }).map(flushTiny),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

describe('quantized biases', () => {
  it('fit an int32 after raising, and come back within half a step', () => {
    check(biased, ({ inputScale, channels }) => {
      const scales = Float32Array.from(channels, ({ scale }) => scale);
      const bias = Float32Array.from(channels, (channel) => channel.bias);
      raiseScalesForBias(scales, inputScale, bias);
      const quantized = quantizeBias(bias, inputScale, scales);
      for (const [c, code] of quantized.data.entries()) {
        const step = quantized.scales[c]!;
        assert.equal(step, Math.fround(inputScale * scales[c]!));
        // The quotient is a float64 below 2^31: off by 2^-23 at most.
        assert.ok(
          Math.abs(code * step - bias[c]!) <= step * (0.5 + 2 ** -22),
          `${bias[c]} as ${code} of ${step}`,
        );
      }
    });
  });

  it('raise only the scales that need it, never lower one, and say how many', () => {
    check(biased, ({ inputScale, channels }) => {
      const before = Float32Array.from(channels, ({ scale }) => scale);
      const scales = before.slice();
      const bias = Float32Array.from(channels, (channel) => channel.bias);
      const raised = raiseScalesForBias(scales, inputScale, bias);
      assert.equal(raised, scales.filter((scale, c) => scale !== before[c]).length);
      for (const [c, scale] of scales.entries()) {
        assert.ok(scale >= before[c]!);
        const isLarge = Math.abs(bias[c]!) / (inputScale * before[c]!) > 2 ** 31 - 1;
        if (isLarge) assert.ok(scale > before[c]!);
        // 0.1 per mille is the margin that onnxruntime.quantization leaves.
        const isSmall = Math.abs(bias[c]!) / (inputScale * before[c]!) < (2 ** 31 - 1) / 1.0002;
        if (isSmall) assert.equal(scale, before[c]);
      }
    });
  });

  it('share the one scale of a weight without channels, raised for the largest of them', () => {
    check(biased, ({ inputScale, channels }) => {
      const scales = Float32Array.of(channels[0]!.scale);
      const bias = Float32Array.from(channels, (channel) => channel.bias);
      raiseScalesForBias(scales, inputScale, bias);
      const quantized = quantizeBias(bias, inputScale, scales);
      assert.deepEqual([quantized.scales.length, quantized.data.length], [1, bias.length]);
      for (const [c, code] of quantized.data.entries()) {
        assert.ok(
          Math.abs(code * quantized.scales[0]! - bias[c]!) <= quantized.scales[0]! * (0.5 + 2 ** -22),
        );
      }
    });
  });
});

/** The same seed on every run: a failure can be repeated, and a run cannot fail by bad luck. */
function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, property), { seed: 20261125, numRuns: 300 });
}

/** Codes of uint8 QuantizeLinear, by the reference. */
function codesOf(list: Float32Array, { scale, zeroPoint }: { scale: number; zeroPoint: number }): number[] {
  const scalar = (elementType: string, number: number): Value => createValue(elementType, [], [number]);
  const x = createValue('float32', [list.length], list);
  return Array.from(
    quantizeLinear({ x, scale: scalar('float32', scale), zeroPoint: scalar('uint8', zeroPoint) }).data,
  );
}

function rangeOf(list: Float32Array): Range {
  return { low: Math.min(...list), high: Math.max(...list) };
}

function scaleBy(list: Float32Array, power: number): Float32Array {
  return list.map((x) => x * 2 ** power);
}

function channelOf({ dims, values: list }: WeightLayout, element: number): number {
  const inner = list.length / (dims[0]! * dims[1]!);
  return Math.floor(element / inner) % dims[1]!;
}

/** Without -0, which no integer code is. */
function plain(codes: ArrayLike<number>): number[] {
  return Array.from(codes, (code) => code + 0);
}

/** Numbers under 2^-60 as 0: their scales would leave float32's normal numbers. */
function flushTiny(x: number): number {
  return Math.abs(x) < 2 ** -60 ? 0 : x;
}
