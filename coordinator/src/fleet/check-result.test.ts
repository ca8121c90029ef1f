import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import type { EvaluateFacts, JobResult, Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';
import { exampleLoad, exampleMeasure, exampleSpec, fakeDigest } from '../store/store-fixtures.ts';
import { checkResult, parseResult } from './check-result.ts';

const variant = fakeDigest('fp32');
const samples = fakeDigest('samples');
const settings = { threads: 1, batch: 1, providerOptions: {}, affinity: [], dimensions: {} };
const facts: MeasureFacts = {
  backend: { id: 'onnxruntime-cpu', version: '1.30.0' },
  scenario: 'single-stream',
  settings,
  threadsUsed: 1,
  launches: [{ variantDigest: variant, order: 0, startedAtUnixMs: 1 }],
  samplesBlob: samples,
  profiles: [],
};

test('a measurement fits the job that asked for it', () => {
  checkResult(result(facts, [samples]), job());
});

test('a launch or a profile of a variant that was not asked for is refused', () => {
  const other = fakeDigest('another');
  const launches = [{ variantDigest: other, order: 0, startedAtUnixMs: 1 }];
  refused({ ...facts, launches }, [samples], /a variant of the job/);
  const profiles = [{ variantDigest: other, blob: samples, inferences: 1 }];
  refused({ ...facts, profiles }, [samples], /a variant of the job/);
});

test('a blob that the list of blobs lacks is refused, for it would not be kept', () => {
  refused(facts, [], /list of blobs/);
  const profiles = [{ variantDigest: variant, blob: fakeDigest('profile'), inferences: 1 }];
  refused({ ...facts, profiles }, [samples], /list of blobs/);
});

test('another scenario, other settings or another number of threads than asked are refused with both', () => {
  const refuse = (change: Partial<MeasureFacts>, message: RegExp, asked?: JobRecord) =>
    refused({ ...facts, ...change }, [samples], message, asked);
  refuse({ scenario: 'offline' }, /expected the scenario "single-stream", got "offline"/);
  refuse({ settings: { ...settings, threads: 4 } }, /expected the threads "1", got "4"/);
  refuse({ settings: { ...settings, batch: 8 } }, /the batch "1", got "8"/);
  refuse({ settings: { ...settings, affinity: [3] } }, /the affinity/);
  refuse({ settings: { ...settings, dimensions: { n: 2 } } }, /the dimensions/);
  refuse({ settings: { ...settings, providerOptions: { arena: '0' } } }, /the providerOptions/);
  refuse({ threadsUsed: 4 }, /expected the number of threads 1, got 4/);
  const all = job({ settings: { ...settings, threads: 0 } });
  checkResult(result({ ...facts, settings: { ...settings, threads: 0 }, threadsUsed: 4 }, [samples]), all);
});

test('another load than asked is refused', () => {
  const companion = { digest: fakeDigest('companion'), name: 'c', sizeBytes: 1 };
  const asked = job({
    scenario: 'multi-stream',
    load: { ...exampleLoad, samplesPerQuery: 8, backgroundProcesses: 1, companions: [companion] },
  });
  const load = {
    samplesPerQuery: 8,
    targetRatePerSec: 0,
    latencyBoundNs: 0,
    percentile: 0.99,
    frameRatePerSec: 0,
    scheduleSeed: 1,
    backgroundProcesses: 1,
    companions: [companion.digest],
  };
  const right = { ...facts, scenario: 'multi-stream', load };
  checkResult(result(right, [samples]), asked);
  const refuse = (change: Partial<typeof load>, message: RegExp) =>
    refused({ ...right, load: { ...load, ...change } }, [samples], message, asked);
  refuse({ samplesPerQuery: 1 }, /the samplesPerQuery 8, got 1/);
  refuse({ backgroundProcesses: 0 }, /the number of busy processes 1, got 0/);
  refuse({ companions: [] }, /the companions/);
});

test('launches that contradict each other or themselves are refused', () => {
  const launch = { variantDigest: variant, order: 0, startedAtUnixMs: 1, sampleOffset: 0, timedCount: 4 };
  const refuse = (launches: Launch[], message: RegExp, change: Partial<MeasureFacts> = {}) =>
    refused(
      { ...facts, ...change, launches },
      [samples],
      message,
      job({ launchesPerVariant: 2, ...(change.scenario && { scenario: change.scenario }) }),
    );
  refuse([launch, { ...launch, order: 1 }], /samples of launch 1 from 4 on/);
  refuse([launch, { ...launch, sampleOffset: 4 }], /positions/);
  refuse([{ ...launch, series: 1 }], /at most 0 repeats/);
  refuse(
    Array.from({ length: 5 }, (_, order) => ({ ...launch, order, timedCount: 0 })),
    /at most 4 launches/,
  );
  refuse([{ ...launch, timedSamples: 4000 }], /number of samples timed in launch 0 4, got 4000/);
  refuse([{ ...launch, timedSamples: 4000 }], /got 4000/, { scenario: 'offline' });
  refuse([{ ...launch, offeredFrames: 9, droppedFrames: 1 }], /frames offered in launch 0 5, got 9/);
});

test('an evaluation of another dataset or of more than was asked for is refused', () => {
  const asked = {
    ...job(),
    kind: 'evaluate' as const,
    spec: {
      ...exampleSpec(variant),
      evaluate: {
        ...exampleSpec(variant).evaluate!,
        settings,
        inputs: { datasetDigest: fakeDigest('d'), count: 10 } as Inputs__Output,
      },
    },
  };
  const right: EvaluateFacts = {
    backend: { id: 'onnxruntime-cpu', version: '1' },
    variantDigest: variant,
    settings,
    datasetDigest: fakeDigest('d'),
    count: 10,
    inputDigest: samples,
    outputDigest: samples,
    outputs: [],
    comparison: { count: 1, blob: samples },
    topK: { k: 1, blob: samples },
    nonFiniteInputs: 0,
    repeat: { count: 0, identical: true },
  };
  const check = (change: Partial<EvaluateFacts>) =>
    checkResult(
      { ...result(facts, [samples]), outcome: { kind: 'evaluate', facts: { ...right, ...change } } },
      asked,
    );
  check({});
  check({ count: 9 });
  const wrong: [Partial<EvaluateFacts>, RegExp][] = [
    [{ datasetDigest: fakeDigest('e') }, /the dataset/],
    [{ count: 11 }, /at most 10 inputs, got 11/],
    [{ comparison: { count: 2, blob: samples } }, /at most 1 inputs with raw outputs, got 2/],
    [{ topK: { k: 5, blob: samples } }, /at most 1 best classes/],
    [{ repeat: { count: 3, identical: true } }, /at most 0 inputs run twice/],
    [{ nonFiniteInputs: 11 }, /no finite numbers, got 11/],
    [{ settings: { ...settings, threads: 2 } }, /the threads "1", got "2"/],
  ];
  for (const [change, message] of wrong)
    assert.throws(() => check(change), { code: 'invalid-argument', message });
});

test('a failed attempt fits any job of its run', () => {
  const failure = { class: 'oom' as const, message: 'killed' };
  checkResult({ ...result(facts, []), outcome: { kind: 'failed', failure } }, job());
});

test('bytes that are no result say where they go wrong', () => {
  assert.throws(() => parseResult(Buffer.from([0xff, 0xfe])), { message: /no JSON in UTF-8/ });
  const wrong = { ...result(facts, []), environmentBefore: {} };
  assert.throws(() => parseResult(Buffer.from(JSON.stringify(wrong))), {
    message: /environmentBefore\.atUnixMs/,
  });
  const right = result(facts, []);
  assert.deepEqual(parseResult(Buffer.from(JSON.stringify(right))), right);
});

function refused(changed: MeasureFacts, blobs: string[], message: RegExp, asked = job()): void {
  assert.throws(() => checkResult(result(changed, blobs), asked), { code: 'invalid-argument', message });
}

function result(measured: MeasureFacts, blobs: string[]): JobResult {
  return {
    schema: 'qfleet.result/1',
    jobId: 'j',
    runId: 'r',
    fence: 1,
    attempt: 1,
    agentVersion: '0.1.0',
    bootId: 'b',
    startedAtUnixMs: 1,
    durationNs: 1,
    environmentBefore: { atUnixMs: 1 },
    environmentAfter: { atUnixMs: 1 },
    blobs,
    outcome: { kind: 'measure', facts: measured },
  };
}

function job(change: Partial<MeasureJob__Output> = {}): JobRecord {
  return {
    id: 'j',
    runId: 'r',
    deviceId: 'd',
    position: 0,
    kind: 'measure',
    spec: { spec: 'measure', measure: { ...exampleMeasure(variant), ...change } },
    state: 'leased',
    fence: 1,
    attempts: 1,
    leaseUntilMs: 1,
    notBeforeMs: 0,
    progress: undefined,
    failure: undefined,
    timeLimitMs: 0,
  };
}
