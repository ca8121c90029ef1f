import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { compareRuns } from './compare-runs.ts';
import type { RunEvidence } from './evidence.ts';
import { type SyntheticPlace, syntheticEvidence } from './synthetic-evidence.ts';

const place: SyntheticPlace = {
  deviceId: 'pi3',
  backendId: 'onnxruntime-cpu',
  latencyNs: 2e6,
  inputDigest: digestBytes('inputs'),
};
const base = syntheticEvidence({ places: [place], seed: 1 });
const subject = syntheticEvidence({ places: [place], seed: 2 });

function withModel(evidence: RunEvidence, model: { name: string; digest: string }): RunEvidence {
  return { ...evidence, model: { ...evidence.model, ...model } };
}

test('runs of different models are refused with both names; a later file of the same name is not', () => {
  const digest = digestBytes('another');
  const other = withModel(base, { name: 'mobilenet', digest });
  assert.throws(() => compareRuns(subject, other), {
    code: 'failed-precondition',
    message: /of glyphnet \([0-9a-f]{12}\), .* of mobilenet \([0-9a-f]{12}\)/,
  });
  const renamed = withModel(base, { name: 'mobilenet', digest: base.model.digest });
  assert.equal(compareRuns(subject, renamed).rows.length, 3);
  assert.equal(compareRuns(subject, withModel(base, { name: base.model.name, digest })).rows.length, 3);
});

test('what only one of the runs has is listed with what the other lacks', () => {
  const more = syntheticEvidence({ places: [place, { ...place, deviceId: 'pi5' }], variants: 4 });
  const { rows, leftOut, unmatched } = compareRuns(more, base);
  assert.deepEqual([rows.length, unmatched], [3, 5]);
  const said = leftOut.map(({ variant, deviceName, isOf, reason }) => [variant, deviceName, isOf, reason]);
  const fourth = more.variants[3]!.name;
  assert.deepEqual(said[0], [fourth, 'pi3', 'run', `no variant ${fourth} there`]);
  assert.deepEqual(said[1], ['fp32', 'pi5', 'run', 'no device pi5 there']);
  assert.deepEqual(new Set(compareRuns(base, more).leftOut.map(({ isOf }) => isOf)), new Set(['base']));
});

test('another scenario or other settings are left out, timings under another load are not compared', () => {
  const change = (measure: object): RunEvidence => ({
    ...subject,
    jobs: subject.jobs.map((job) =>
      job.spec.measure
        ? { ...job, spec: { ...job.spec, measure: { ...job.spec.measure, ...measure } } }
        : job,
    ),
  });
  const offline = compareRuns(change({ scenario: 'offline' }), base);
  assert.deepEqual(offline.rows, []);
  assert.ok(offline.leftOut.some(({ reason }) => reason === 'no scenario offline there'));
  const settings = { threads: 3, batch: 1, providerOptions: {}, affinity: [], dimensions: {} };
  const threads = compareRuns(change({ settings }), base);
  assert.ok(threads.leftOut.some(({ reason, isOf }) => isOf === 'run' && reason === 'other settings there'));
  const loaded = compareRuns(
    change({ load: { companions: [], samplesPerQuery: 1, backgroundProcesses: 2 } }),
    base,
  );
  const int8 = loaded.rows.find(({ variant }) => variant === 'int8-per-channel');
  assert.ok(int8?.latencyRatio.status === 'unavailable');
  assert.equal(int8.latencyRatio.reason, 'other-load: backgroundProcesses 2 here, 0 in the base');
  assert.equal(int8.speed, undefined);
  assert.notEqual(int8.accuracyLoss.status, 'unavailable');
});

test('accuracies over another dataset are not compared, timings are', () => {
  const elsewhere: RunEvidence = {
    ...subject,
    results: subject.results.map((entry) => {
      const { outcome } = entry.result;
      if (outcome.kind !== 'evaluate') return entry;
      const facts = { ...outcome.facts, datasetDigest: digestBytes('another') };
      return { ...entry, result: { ...entry.result, outcome: { kind: 'evaluate' as const, facts } } };
    }),
  };
  const [row] = compareRuns(elsewhere, base).rows;
  assert.ok(row?.accuracyLoss.status === 'unavailable');
  assert.match(row.accuracyLoss.reason, /another dataset/);
  assert.notEqual(row.latencyRatio.status, 'unavailable');
});
