import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import { comparePairs, maxPairedPlaces, type PlacePair } from './compare-pairs.ts';
import { summariseCells } from './summarise-cells.ts';
import { type SyntheticOptions, type SyntheticPlace, syntheticEvidence } from './synthetic-evidence.ts';

const calm = { launchDrift: 0.001, sampleNoise: 0.002 };

function pairsOf(places: readonly SyntheticPlace[], options: SyntheticOptions = {}): PlacePair[] {
  const evidence = syntheticEvidence({ ...calm, ...options, places });
  return comparePairs(evidence, summariseCells(evidence));
}

const place = (deviceId: string, latencyNs: number, latencyFactors: readonly number[]): SyntheticPlace => ({
  deviceId,
  backendId: 'onnxruntime-cpu',
  latencyNs,
  latencyFactors,
  inputs: 60,
});

test('every pair of places once, with the ratio of latencies and of speed-ups that they were made with', () => {
  const pairs = pairsOf([
    place('a', 8e6, [1, 0.5, 0.4]),
    place('b', 2e6, [1, 0.5, 0.8]),
    place('c', 4e6, [1, 1, 0.4]),
  ]);
  assert.deepEqual(
    pairs.map(({ firstPlaceId, secondPlaceId }) => [firstPlaceId[0], secondPlaceId[0]]),
    [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ],
  );
  const near = (value: number | undefined, expected: number): void =>
    assert.ok(Math.abs(value! / expected - 1) < 0.02, `${value} is not ${expected}`);
  const [fp32, perTensor, perChannel] = pairs[0]!.variants;
  near(readingValue(fp32!.latencyRatio), 4);
  near(readingValue(perTensor!.latencyRatio), 4);
  near(readingValue(perChannel!.latencyRatio), 2);
  near(readingValue(perTensor!.speedUpRatio), 1);
  near(readingValue(perChannel!.speedUpRatio), 0.5);
  for (const reading of [perChannel!.speedUpRatio, perChannel!.latencyRatio]) {
    assert.ok(reading.status === 'derived' && reading.interval);
    const { low, high } = reading.interval;
    assert.ok(low < reading.value && high > reading.value && high / low < 1.05, `${low} ${high}`);
  }
  assert.match(fp32!.speedUpRatio.status === 'unavailable' ? fp32!.speedUpRatio.reason : '', /^reference/);
  assert.equal(fp32!.accuracyDifference.status, 'derived');
});

test('variants are ranked from five on, ties by the test, and inversions named however few', () => {
  const few = pairsOf([place('a', 8e6, [1, 0.5, 0.6]), place('b', 2e6, [1, 0.6, 0.5])])[0]!.ranks;
  assert.equal(few.tau, undefined);
  assert.deepEqual(few.inversions, [{ faster: 'int8-per-tensor', slower: 'int8-per-channel' }]);
  const options = { variants: 6 };
  const same = [1, 0.9, 0.8, 0.7, 0.6, 0.5];
  const agreeing = pairsOf([place('a', 8e6, same), place('b', 2e6, same)], options)[0]!.ranks;
  assert.deepEqual([agreeing.items, agreeing.tau, agreeing.rho], [6, 1, 1]);
  const reversed = pairsOf([place('a', 8e6, same), place('b', 2e6, same.toReversed())], options)[0]!.ranks;
  assert.deepEqual([reversed.tau, reversed.rho, reversed.inversions.length], [-1, -1, 15]);
  // In one place nothing is told apart: all tied, and no correlation.
  const flat = pairsOf([place('a', 8e6, same), place('b', 2e6, [1, 1, 1, 1, 1, 1])], options)[0]!.ranks;
  assert.deepEqual([flat.tau, flat.inversions], [undefined, []]);
});

test('emulated places have answers and no latency; a large fleet is cut, and said to be', () => {
  const [pair] = pairsOf([place('a', 8e6, [1, 1, 1]), { ...place('v', 1, []), emulated: true }]);
  const [fp32] = pair!.variants;
  assert.match(fp32!.latencyRatio.status === 'unavailable' ? fp32!.latencyRatio.reason : '', /^emulated/);
  assert.equal(fp32!.accuracyDifference.status, 'derived');
  assert.equal(pair!.ranks.items, 0);
  const many = Array.from({ length: maxPairedPlaces + 3 }, (_, i) => place(`d${i}`, 1e6, [1, 1, 1]));
  const pairs = pairsOf(many, { evaluates: false, launches: 3, samplesPerLaunch: 20 });
  assert.equal(pairs.length, (maxPairedPlaces * (maxPairedPlaces - 1)) / 2);
});
