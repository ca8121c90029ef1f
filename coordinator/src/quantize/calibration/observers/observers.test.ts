import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom, type Random } from '@qfleet/shared/random.ts';
import fc from 'fast-check';
import { Histograms } from '../../../ort/histograms.ts';
import {
  type ActivationFormat,
  computeActivationScale,
  integerLimits,
  type Range,
  uint8Activations,
} from '../../static/compute-scale.ts';
import { histogramBins, type TensorStatistics } from '../tensor-statistics.ts';
import { chooseRanges } from './find-observer.ts';
import { type ObserverSpec, observerSchema } from './observer.ts';

const int8Symmetric: ActivationFormat = { elementType: 'int8', symmetric: true };
const int8Asymmetric: ActivationFormat = { elementType: 'int8', symmetric: false };
const uint16: ActivationFormat = { elementType: 'uint16', symmetric: false };
const int16: ActivationFormat = { elementType: 'int16', symmetric: true };
const formats = [uint8Activations, int8Asymmetric, int8Symmetric, uint16, int16];

const minMax: ObserverSpec = { method: 'min-max' };
const movingAverage: ObserverSpec = { method: 'moving-average' };
const entropy: ObserverSpec = { method: 'entropy' };
const mse: ObserverSpec = { method: 'mse' };
const percentile = (share: number): ObserverSpec => ({ method: 'percentile', percentile: share });
const observers = [minMax, movingAverage, percentile(99.999), percentile(51), entropy, mse];

/** What calibration would have collected of these values, all from one input. */
function statisticsOf(values: Float32Array, average?: Range): TensorStatistics {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const histograms = new Histograms();
  histograms.add('x', values, { low, high, bins: histogramBins });
  return { low, high, average: average ?? { low, high }, histogram: [...histograms.take()['x']!] };
}

function choose(statistics: TensorStatistics, spec: ObserverSpec, format = uint8Activations): Range {
  return chooseRanges({ x: statistics }, format, spec)['x']!;
}

function draw(count: number, sample: (random: Random) => number, seed = 5): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => sample(random));
}

/** Box and Muller. */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Mean squared error of quantizing the values themselves, ONNX's QuantizeLinear and back written out once more. */
function meanSquaredError(values: Float32Array, range: Range, format: ActivationFormat): number {
  const { scale, zeroPoint } = computeActivationScale(range, format);
  const { low, high } = integerLimits[format.elementType];
  let sum = 0;
  for (const value of values) {
    const code = Math.min(high, Math.max(low, Math.round(value / scale) + zeroPoint));
    sum += (value - (code - zeroPoint) * scale) ** 2;
  }
  return sum / values.length;
}

function assertWithin(found: number, expected: number, most: number): void {
  assert.ok(Math.abs(found - expected) <= most, `${found} is farther than ${most} from ${expected}`);
}

describe('min-max and moving average', () => {
  const statistics = { ...statisticsOf(Float32Array.of(-3, 1, 7)), average: { low: -1.5, high: 2.25 } };

  it('take what was seen, and what it was on average', () => {
    assert.deepEqual(choose(statistics, minMax), { low: -3, high: 7 });
    assert.deepEqual(choose(statistics, movingAverage), { low: -1.5, high: 2.25 });
  });

  it('need no histogram, the others say that they do', () => {
    const { histogram: _, ...extremes } = statistics;
    for (const spec of [minMax, movingAverage]) assert.doesNotThrow(() => choose(extremes, spec));
    for (const spec of [entropy, mse, percentile(99)])
      assert.throws(() => choose(extremes, spec), /needs histograms/);
  });

  it('give ranges in float32, in which the record keeps them', () => {
    const { low, high } = choose({ ...statistics, average: { low: -0.1, high: 0.1 } }, movingAverage);
    assert.deepEqual([low, high], [Math.fround(-0.1), Math.fround(0.1)]);
  });
});

describe('percentile', () => {
  it('finds the quantiles of a uniform distribution to a bin', () => {
    const values = Float32Array.from({ length: 100_000 }, (_, i) => -1 + (4 * i) / 99_999);
    const bin = 4 / histogramBins;
    for (const share of [99.9, 99, 90, 75]) {
      const { low, high } = choose(statisticsOf(values), percentile(share));
      const tail = 4 * (1 - share / 100);
      assertWithin(low, -1 + tail, bin);
      assertWithin(high, 3 - tail, bin);
    }
  });

  it('finds the quantile of a heavy-tailed distribution to a bin, and never cuts more than its share', () => {
    // Pareto: P(x > t) = 1/t².
    const values = draw(200_000, (random) => (1 - random.next()) ** -0.5);
    const statistics = statisticsOf(values);
    const bin = (statistics.high - statistics.low) / histogramBins;
    const sorted = values.toSorted();
    for (const share of [99.99, 99.9, 99]) {
      const { high } = choose(statistics, percentile(share));
      const beyond = sorted.filter((value) => value > high).length;
      assert.ok(beyond <= (1 - share / 100) * values.length + 1e-6, `${beyond} are cut off`);
      assertWithin(high, sorted[Math.floor((share / 100) * values.length)]!, bin);
    }
  });

  it('cuts either side by itself: the zeros of a Relu keep its low end', () => {
    const values = draw(50_000, (random) => Math.max(0, gaussian(random)));
    const { low, high } = choose(statisticsOf(values), percentile(99));
    assert.equal(low, 0);
    // The 0.99 quantile of the standard normal distribution.
    assertWithin(high, 2.326, 0.05);
  });

  it('is refused at 50, where its two ends would meet or cross', () => {
    assert.ok(!observerSchema.safeParse(percentile(50)).success);
    assert.ok(observerSchema.safeParse(percentile(50.1)).success);
  });

  it('keeps everything at 100', () => {
    const values = draw(1000, gaussian);
    const { low, high } = statisticsOf(values);
    assert.deepEqual(choose(statisticsOf(values), percentile(100)), { low, high });
  });
});

describe('entropy', () => {
  const outliers = (count: number, at: number): number[] => Array.from({ length: count }, () => at);

  it('cuts a few far outliers off a Gaussian body', () => {
    const body = draw(200_000, gaussian);
    const values = Float32Array.from([...body, ...outliers(5, 40), ...outliers(5, -38)]);
    for (const format of [uint8Activations, int8Symmetric]) {
      const { low, high } = choose(statisticsOf(values), entropy, format);
      assert.ok(high > 3 && high < 12, `${high}`);
      assert.ok(low < -3 && low > -12, `${low}`);
    }
  });

  it('keeps about all of a uniform distribution', () => {
    const values = draw(400_000, (random) => 20 * random.next() - 10);
    const { low, high } = choose(statisticsOf(values), entropy);
    assert.ok(high > 9.5 && low < -9.5, `${low} to ${high}`);
  });

  it('keeps about all of a uniform distribution whose ends are not equally far from 0', () => {
    const values = draw(400_000, (random) => 19.3 * random.next() - 9.3);
    const { low, high } = choose(statisticsOf(values), entropy);
    assert.ok(high > 9.5 && low < -8.8, `${low} to ${high}`);
  });

  it('takes a distribution of one sign at its full number of levels, and lets its exact zeros not count', () => {
    const body = draw(100_000, (random) => Math.abs(gaussian(random)));
    const zeros = new Float32Array(300_000);
    const values = Float32Array.from([...body, ...zeros, ...outliers(5, 40)]);
    const { low, high } = choose(statisticsOf(values), entropy);
    assert.equal(low, 0);
    assert.ok(high > 3 && high < 12, `${high}`);
    const mirrored = choose(statisticsOf(values.map((value) => -value)), entropy);
    assertWithin(mirrored.low, -high, 0.1);
    assertWithin(mirrored.high, 0, 0);
  });
});

describe('mse', () => {
  /** The middle of a bin stands for what lies in it: half a bin at most, a fraction of a step. */
  const slack = 1.02;

  function assertBest(values: Float32Array, format: ActivationFormat, others: readonly ObserverSpec[]): void {
    const statistics = statisticsOf(values);
    const { low, high } = statistics;
    const errorOf = (spec: ObserverSpec): number =>
      meanSquaredError(values, choose(statistics, spec, format), format);
    const bin = (high - low) / histogramBins;
    const found = errorOf(mse);
    for (const other of others) {
      const most = slack * errorOf(other) + bin ** 2;
      assert.ok(found <= most, `${format.elementType}: ${found} with mse, ${most} with ${other.method}`);
    }
  }

  const shapes: Readonly<Record<string, (random: Random) => number>> = {
    Gaussian: gaussian,
    Laplace: (random) => Math.log(1 - random.next()) * (random.next() < 0.5 ? -1 : 1),
    'one-sided, heavy': (random) => (1 - random.next()) ** -0.3 - 1,
    'two-sided, heavy': (random) => ((1 - random.next()) ** -0.3 - 1) * (random.next() < 0.5 ? -1 : 1),
    skewed: (random) => Math.exp(gaussian(random)) - 0.5,
    uniform: (random) => random.next() * 3 - 1,
  };

  for (const [shape, sample] of Object.entries(shapes)) {
    it(`makes no more error than min-max and percentile on a ${shape} distribution`, () => {
      const values = draw(20_000, sample);
      for (const format of [uint8Activations, int8Asymmetric, int8Symmetric])
        assertBest(values, format, [minMax, percentile(99.9), percentile(99.99), percentile(99.999)]);
    });
  }

  it('makes no more error than min-max and percentile, whatever the values', () => {
    const body = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      centre: fc.double({ min: -3, max: 3, noNaN: true }),
      outliers: fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { maxLength: 6 }),
      format: fc.constantFrom(uint8Activations, int8Symmetric),
    });
    fc.assert(
      fc.property(body, ({ seed, centre, outliers, format }) => {
        const bulk = draw(2000, (random) => centre + gaussian(random), seed);
        assertBest(Float32Array.from([...bulk, ...outliers]), format, [minMax, percentile(99.9)]);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('finds about the best threshold of a symmetric format, though clipping one side alone gains nothing', () => {
    // One value of 40 costs less to halve than all others gain by it.
    const half = [...draw(200_000, gaussian), 40];
    const values = Float32Array.from([...half, ...half.map((value) => -value)]);
    const statistics = statisticsOf(values);
    const thresholds = Array.from({ length: 50 }, (_, i) => (statistics.high * (i + 1)) / 50);
    const errors = thresholds.map((threshold) =>
      meanSquaredError(values, { low: -threshold, high: threshold }, int8Symmetric),
    );
    const least = errors.reduce((a, b) => Math.min(a, b));
    const found = meanSquaredError(values, choose(statistics, mse, int8Symmetric), int8Symmetric);
    assert.ok(least < 0.8 * errors.at(-1)!, 'clipping pays here');
    assert.ok(found <= slack * least, `${found}, ${least} is possible`);
  });

  it('finds about the best ends of an asymmetric format', () => {
    const values = draw(5000, shapes['skewed']!);
    const statistics = statisticsOf(values);
    const shares = Array.from({ length: 40 }, (_, i) => (i + 1) / 40);
    const errors = shares.flatMap((a) =>
      shares.map((b) =>
        meanSquaredError(values, { low: a * statistics.low, high: b * statistics.high }, uint8Activations),
      ),
    );
    const least = errors.reduce((a, b) => Math.min(a, b));
    const found = meanSquaredError(values, choose(statistics, mse), uint8Activations);
    assert.ok(found <= 1.05 * least, `${found}, ${least} is possible`);
  });
});

describe('every observer', () => {
  it('stays within the extremes, whatever the values and the format', () => {
    const values = fc.oneof(
      fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.float({ min: 3, max: 5, noNaN: true }), { minLength: 1, maxLength: 60 }),
    );
    fc.assert(
      fc.property(
        values,
        fc.constantFrom(...observers),
        fc.constantFrom(...formats),
        (list, spec, format) => {
          const statistics = statisticsOf(Float32Array.from(list));
          const { low, high } = choose(statistics, spec, format);
          assert.ok(statistics.low <= low && low <= high && high <= statistics.high, `${low} to ${high}`);
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });

  it('takes values that are all equal, and all 0, as they are', () => {
    for (const value of [0, 2.5, -2.5]) {
      const statistics = statisticsOf(new Float32Array(100).fill(value));
      for (const spec of observers)
        for (const format of formats) {
          assert.deepEqual(choose(statistics, spec, format), { low: value, high: value }, spec.method);
          const { scale, zeroPoint } = computeActivationScale(choose(statistics, spec, format), format);
          assert.ok(scale > 0 && Number.isInteger(zeroPoint));
        }
    }
  });

  it('keeps the whole of a Gaussian in 16 bits, but for a percentile of it', () => {
    const statistics = statisticsOf(draw(20_000, gaussian));
    const whole = { low: statistics.low, high: statistics.high };
    const cutting = new Set<ObserverSpec['method']>(['percentile', 'mse']);
    for (const format of [uint16, int16]) {
      for (const spec of observers.filter(({ method }) => !cutting.has(method)))
        assert.deepEqual(choose(statistics, spec, format), whole);
      const { low, high } = choose(statistics, mse, format);
      assert.ok(high > 0.95 * whole.high && low < 0.95 * whole.low, `${low} to ${high}`);
    }
  });
});
