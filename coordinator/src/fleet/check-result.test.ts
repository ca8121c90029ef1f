import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobResult, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';
import { fakeDigest } from '../store/store-fixtures.ts';
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

function refused(changed: MeasureFacts, blobs: string[], message: RegExp): void {
  assert.throws(() => checkResult(result(changed, blobs), job()), { code: 'invalid-argument', message });
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

function job(): JobRecord {
  return {
    id: 'j',
    runId: 'r',
    deviceId: 'd',
    position: 0,
    kind: 'measure',
    spec: {
      spec: 'measure',
      measure: {
        backend: 'onnxruntime-cpu',
        variants: [{ digest: variant, name: 'fp32', sizeBytes: 1 }],
        scenario: 'single-stream',
        settings,
        inputs: null,
        launchesPerVariant: 1,
        minSamples: 1,
        minDurationMs: 1,
        maxDurationMs: 1,
        maxWarmupSamples: 1,
        seed: 1,
        profile: false,
        load: null,
        counters: false,
        maxRepeats: 0,
        sustainedMs: 0,
      },
    },
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
