import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom, type Random } from '../random.ts';
import { bootstrapInterval, expandedTail } from './bootstrap-interval.ts';
import { compareLaunches } from './compare-launches.ts';
import { relativeDrift } from './drift.ts';
import { mean } from './mean.ts';
import { countMultisets, multisets } from './multisets.ts';
import { pairedT } from './paired-t.ts';
import { standardDeviation } from './standard-deviation.ts';
import { theilSenSlope } from './theil-sen.ts';

/** A standard normal number, by the sum of twelve uniform ones. */
function gaussian(random: Random): number {
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += random.next();
  return sum - 6;
}

/** Six rounds of two variants in random order, log times on a random walk of `step` between launches. */
function driftingLaunches(random: Random, step: number, slowdown: number) {
  const reference: number[] = [];
  const subject: number[] = [];
  let drift = 0;
  for (let round = 0; round < 6; round++) {
    const order = random.next() < 0.5 ? [reference, subject] : [subject, reference];
    for (const side of order) {
      drift += step * gaussian(random);
      side.push(5e6 * Math.exp(drift) * (side === subject ? slowdown : 1));
    }
  }
  return { reference, subject };
}

function countVerdicts(replicates: number, step: number, slowdown: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= replicates; seed++) {
    const random = createRandom(seed);
    const launches = driftingLaunches(random, step, slowdown);
    const { verdict } = compareLaunches({ ...launches, paired: true });
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}

test('two equal variants whose launches drift are called different in at most 18 of 200 replicates', (t) => {
  const counts = countVerdicts(200, 0.03, 1);
  const different = (counts['faster'] ?? 0) + (counts['slower'] ?? 0);
  t.diagnostic(`called different in ${different} of 200`);
  assert.ok(different <= 18, JSON.stringify(counts));
});

test('comparing one launch of each would call the same variants different far more often', () => {
  // Guards the replicates above: they must be hard enough that a naive comparison fails them.
  let naive = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = createRandom(seed);
    const { reference, subject } = driftingLaunches(random, 0.03, 1);
    // However many samples a launch has, its interval shrinks around that launch's own drift.
    if (Math.abs(Math.log(reference[0]! / subject[0]!)) > 0.02) naive++;
  }
  assert.ok(naive > 60, `${naive} of 200`);
});

test('a variant that is 10 % slower is called slower although launches drift by 1 % each', () => {
  const counts = countVerdicts(100, 0.01, 1.1);
  assert.ok((counts['slower'] ?? 0) >= 97, JSON.stringify(counts));
});

test('an effect below 2 % is not called different however narrow its interval', () => {
  const reference = [100, 100, 100, 100, 100, 100];
  const subject = [101, 101, 101, 101, 101, 101];
  const comparison = compareLaunches({ reference, subject, paired: true });
  assert.ok(comparison.interval && comparison.interval.high < 1);
  assert.equal(comparison.verdict, 'same');
});

test('fewer than six launches of a side are not judged', () => {
  const five = compareLaunches({
    reference: [200, 200, 200, 200, 200],
    subject: [100, 100, 100, 100, 100],
    paired: true,
  });
  assert.equal(five.verdict, 'insufficient');
  assert.equal(Math.round(five.ratio), 2);
});

test('unpaired sides vary independently', () => {
  const reference = [100, 120, 90, 110, 105, 95];
  const options = { reference, subject: reference };
  const paired = compareLaunches({ ...options, paired: true });
  const unpaired = compareLaunches({ ...options, paired: false });
  assert.deepEqual([paired.interval?.low, paired.interval?.high], [1, 1]);
  assert.ok(unpaired.interval && unpaired.interval.high - unpaired.interval.low > 0.1);
});

test('the expanded tail is that of Student t carried over to the normal distribution', () => {
  // SciPy 1.17.1: norm.cdf(-sqrt(6/5) * t.ppf(.975, 5)) = 0.00243180…; for many units it tends to 0.025.
  assert.ok(Math.abs(expandedTail(6) - 0.0024318031746115667) < 1e-12, String(expandedTail(6)));
  assert.ok(Math.abs(expandedTail(10_000) - 0.025) < 1e-4);
});

test('the bootstrap interval of a mean of six covers close to 95 %', () => {
  const random = createRandom(11);
  let covered = 0;
  const replicates = 600;
  for (let i = 0; i < replicates; i++) {
    const units = Array.from({ length: 6 }, () => gaussian(random));
    const interval = bootstrapInterval({
      groupSizes: [6],
      statistic: ([drawn]) => mean(Array.from(drawn!, (index) => units[index]!)),
      random,
      resamples: 1000,
    });
    assert.ok(interval);
    if (interval.low <= 0 && 0 <= interval.high) covered++;
  }
  assert.ok(covered / replicates > 0.91 && covered / replicates < 0.98, `${covered} of ${replicates}`);
});

test('a variant that is shown to differ by less than the margin is called the same', () => {
  const counts = countVerdicts(100, 0.005, 1);
  assert.ok((counts['same'] ?? 0) >= 97, JSON.stringify(counts));
});

test('two variants that differ by the margin are called the same in at most 18 of 200 replicates', (t) => {
  const counts = countVerdicts(200, 0.03, 1.05);
  t.diagnostic(`called the same in ${counts['same'] ?? 0} of 200`);
  assert.ok((counts['same'] ?? 0) <= 18, JSON.stringify(counts));
});

/* SciPy 1.17.1: r = scipy.stats.ttest_1samp([1.2, -.3, .8, 2.1, .4, .9], 0); r.pvalue, r.confidence_interval(). */
test('the paired t interval and p-value agree with SciPy', () => {
  const result = pairedT([1.2, -0.3, 0.8, 2.1, 0.4, 0.9]);
  assert.ok(Math.abs(result.mean - 0.85) < 1e-12);
  assert.ok(Math.abs(result.p - 0.0484538996451657) < 1e-10);
  assert.ok(Math.abs(result.interval.low - 0.008486096758619333) < 1e-10);
  assert.ok(Math.abs(result.interval.high - 1.6915139032413808) < 1e-10);
});

/* scipy.stats.theilslopes([3, 1, 4, 1, 5, 9, 2, 6]).slope and numpy.std(x, ddof=1). */
test('slope and deviation agree with SciPy and NumPy', () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6];
  assert.ok(Math.abs(theilSenSlope(values) - 0.4642857142857143) < 1e-12);
  assert.ok(Math.abs(standardDeviation(values) - 2.748376143938713) < 1e-12);
});

test('the Theil–Sen slope of a line with one wild value is the slope of the line', () => {
  fc.assert(
    fc.property(fc.integer({ min: -9, max: 9 }), fc.nat(19), (slope, wild) => {
      const values = Array.from({ length: 20 }, (_, i) => slope * i + (i === wild ? 1e6 : 0));
      assert.equal(theilSenSlope(values), slope);
    }),
    { seed: 6, numRuns: 50 },
  );
});

test('drift compares the last third with the first and says nothing of fewer than nine samples', () => {
  assert.equal(relativeDrift([1, 1, 1, 1, 1, 1, 1, 1]), undefined);
  const drift = relativeDrift([100, 100, 100, 105, 105, 105, 110, 110, 110]);
  assert.ok(drift !== undefined && Math.abs(drift - 0.1) < 1e-12);
});

test('of few units every resample counts once, by its probability: as all 6⁶ sequences say', () => {
  const units = [3.1, 4.7, 1.2, 9.9, 5.5, 5.6];
  const mean = (indices: Iterable<number>): number =>
    [...indices].reduce((sum, index) => sum + units[index]!, 0) / 6;
  const sequences = Float64Array.from({ length: 6 ** 6 }, (_, i) =>
    mean(Array.from({ length: 6 }, (_, digit) => Math.floor(i / 6 ** digit) % 6)),
  ).sort();
  const found = bootstrapInterval({
    groupSizes: [6],
    statistic: ([drawn]) => mean(drawn!),
    random: createRandom(1),
  });
  const rank = Math.ceil(expandedTail(6) * sequences.length);
  assert.ok(Math.abs(found!.low - sequences[rank - 1]!) < 1e-9);
  assert.ok(Math.abs(found!.high - sequences[sequences.length - rank]!) < 1e-9);
});

test('multisets are as many as there are, and their probabilities are 1 together', () => {
  for (const [n, count] of [
    [1, 1],
    [2, 3],
    [3, 10],
    [6, 462],
    [7, 1716],
  ] as const) {
    assert.equal(countMultisets(n), count);
    const all = [...multisets(n)].map(({ probability }) => probability);
    assert.equal(all.length, count);
    assert.ok(Math.abs(all.reduce((sum, one) => sum + one, 0) - 1) < 1e-12);
  }
});

test('the closed form of a comparison is what resampling its launches says, paired and not', () => {
  const random = createRandom(11);
  const gauss = (): number => gaussian(random);
  const distances: number[] = [];
  for (let i = 0; i < 12; i++) {
    const rounds = Array.from({ length: 20 }, () => 0.03 * gauss());
    const reference = rounds.map((common) => common + 0.02 * gauss());
    const subject = rounds.map((common) => common - 0.1 + 0.02 * gauss());
    for (const paired of [true, false]) {
      const { interval } = compareLaunches({
        reference: reference.map(Math.exp),
        subject: subject.map(Math.exp),
        paired,
      });
      const resampled = bootstrapInterval({
        groupSizes: paired ? [20] : [20, 20],
        statistic: ([first, second = first]) =>
          mean(Array.from(first!, (at) => reference[at]!)) - mean(Array.from(second!, (at) => subject[at]!)),
        random,
      });
      const width = Math.log(interval!.high / interval!.low);
      distances.push(Math.abs(Math.log(interval!.low) - resampled!.low) / width);
      distances.push(Math.abs(Math.log(interval!.high) - resampled!.high) / width);
    }
  }
  assert.ok(
    mean(distances) < 0.04 && Math.max(...distances) < 0.12,
    `${mean(distances)} ${Math.max(...distances)}`,
  );
});
