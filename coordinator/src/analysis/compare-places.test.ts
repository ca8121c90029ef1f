import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holm } from '@qfleet/shared/statistics/holm.ts';
import { buildReport } from '../report/build-report.ts';
import { type SyntheticPlace, syntheticEvidence } from './synthetic-evidence.ts';

const place: SyntheticPlace = {
  deviceId: 'workbench',
  backendId: 'onnxruntime-cpu',
  latencyNs: 2e6,
  latencyFactors: [1, 0.5, 0.5],
};
const board: SyntheticPlace = {
  ...place,
  deviceId: 'board-a53',
  latencyNs: 40e6,
  latencyFactors: [1, 1.3, 1.3],
  integerNoise: 1.5,
};
const wasm: SyntheticPlace = {
  ...board,
  deviceId: 'workbench',
  backendId: 'onnxruntime-wasm',
  integerNoise: 0.9,
};

test('accuracies are tested once for each variant and place, and adjusted for all of them', () => {
  const { comparisons } = buildReport(syntheticEvidence({ places: [place, board, wasm] }));
  const tested = comparisons.flatMap(({ mcnemar }) => mcnemar ?? []);
  assert.equal(tested.length, 6);
  assert.ok(
    tested.some(({ p, adjustedP }) => adjustedP > p && adjustedP < 1),
    'some test is adjusted',
  );
  assert.deepEqual(
    tested.map(({ adjustedP }) => adjustedP),
    holm(tested.map(({ p }) => p)),
  );
  // The same outputs under a second scenario are no second test.
  const twice = syntheticEvidence({ places: [place, board, wasm] });
  const both = buildReport({
    ...twice,
    jobs: twice.jobs.flatMap((job) =>
      job.spec.measure
        ? [
            job,
            {
              ...job,
              id: `${job.id}b`,
              spec: { ...job.spec, measure: { ...job.spec.measure, scenario: 'offline' } },
            },
          ]
        : [job],
    ),
  });
  assert.ok(both.comparisons.length > comparisons.length);
  const adjustedOf = (report: typeof both) =>
    new Set(
      report.comparisons.flatMap(({ placeId, variant, mcnemar }) =>
        mcnemar ? [`${placeId} ${variant.name} ${mcnemar.adjustedP}`] : [],
      ),
    );
  assert.deepEqual(adjustedOf(both), adjustedOf(buildReport(twice)));
});

test('a verdict with less speed-up says why', () => {
  const calm = { sampleNoise: 0.001, launchDrift: 0.0005, places: [place, { ...board, integerNoise: 0 }] };
  const { comparisons } = buildReport(syntheticEvidence(calm));
  const slow = comparisons.find(({ variant }) => variant.name === 'int8-per-channel')!;
  assert.equal(slow.transfer.verdict, 'transfers with loss', slow.transfer.reasons.join('; '));
  assert.ok(slow.transfer.reasons.some((reason) => /Cortex-A53 has no dot products/.test(reason)));
});
