import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { EvaluateFacts, JobResult, Launch } from '@qfleet/shared/result/job-result.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { checkResultBlobs } from './check-result-blobs.ts';

/** One blob, read in pieces that end within a value. */
function blobOf(bytes: Buffer): { digest: string; blobs: BlobStore } {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 13) }, (_, i) =>
    bytes.subarray(13 * i, 13 * i + 13),
  );
  const blobs = {
    stat: async () => bytes.length,
    open: async () => ({ totalBytes: bytes.length, stream: Readable.from(pieces) }),
  };
  return { digest: digestBytes(bytes), blobs: blobs as unknown as BlobStore };
}

function checkSamples(
  samplesNs: readonly number[],
  launches: readonly Partial<Launch>[],
  scenario = 'single-stream',
) {
  const { digest, blobs } = blobOf(Buffer.from(Float64Array.from(samplesNs).buffer));
  const facts = {
    scenario,
    samplesBlob: digest,
    launches: launches.map((launch, order) => ({ order, ...launch })),
  };
  return checkResultBlobs({ outcome: { kind: 'measure', facts } } as unknown as JobResult, blobs);
}

const refusal = (message: RegExp) => ({ code: 'invalid-argument', message });
const fifty = Array.from({ length: 50 }, () => 2e6);

test('samples that fill the time of their launch are taken, one launch after the other', async () => {
  const launch = { warmupCount: 10, timedCount: 40, timedWallNs: 81e6 };
  await checkSamples(
    [...fifty, ...fifty],
    [
      { ...launch, sampleOffset: 0 },
      { ...launch, sampleOffset: 50 },
    ],
  );
});

test('samples far below or above the time of their launch are refused with both', async () => {
  const launch = { warmupCount: 0, timedCount: 50, timedWallNs: 1e8 };
  const thousandth = fifty.map((sampleNs) => sampleNs / 1000);
  await assert.rejects(
    checkSamples(thousandth, [launch]),
    refusal(/launch 0, 50 samples timed in 100000000 ns, a sum of at least .* got 100000\./),
  );
  await assert.rejects(checkSamples(thousandth, [launch], 'offline'), refusal(/a sum of at least/));
  const second = { ...launch, sampleOffset: 50 };
  await assert.rejects(checkSamples([...fifty, ...thousandth], [launch, second]), refusal(/launch 1/));
  await assert.rejects(checkSamples(fifty, [{ ...launch, timedWallNs: 5e7 }]), refusal(/a sum above/));
  await assert.rejects(checkSamples([2e8, ...fifty.slice(1)], [launch], 'server'), refusal(/none above/));
  await checkSamples(thousandth, [launch], 'fixed-rate');
});

test('samples that are no durations, and blobs that are too short or missing, are refused', async () => {
  const launch = { timedCount: 50 };
  for (const wrong of [Number.NaN, -1, 1e16]) {
    await assert.rejects(checkSamples([...fifty.slice(1), wrong], [launch]), refusal(/as sample 49/));
  }
  await assert.rejects(
    checkSamples(fifty.slice(1), [launch]),
    refusal(/size in bytes of the samples 400, got 392/),
  );
  const facts = { scenario: 'single-stream', launches: [{ order: 0, ...launch }] };
  const without = { outcome: { kind: 'measure', facts } } as unknown as JobResult;
  await assert.rejects(
    checkResultBlobs(without, blobOf(Buffer.alloc(0)).blobs),
    refusal(/a blob of 50 samples/),
  );
});

test('a class that the output does not have, and outputs of another length, are refused', async () => {
  const check = (indices: readonly number[], change: Partial<EvaluateFacts> = {}) => {
    const bytes = Buffer.from(Uint32Array.from(indices.flatMap((index) => [index, 0xffffffff])).buffer);
    const { digest, blobs } = blobOf(bytes);
    const facts = {
      count: indices.length,
      outputs: [{ name: 'y', elementType: 'float32', shape: [1, 10] }],
      topK: { k: 1, blob: digest },
      comparison: { count: 0, blob: digest },
      ...change,
    };
    return checkResultBlobs({ outcome: { kind: 'evaluate', facts } } as unknown as JobResult, blobs);
  };
  await check([9, 0, 3]);
  await assert.rejects(
    check([9, 4e9, 3]),
    refusal(/classes below 10 among the best of input 1, got 4000000000/),
  );
  await assert.rejects(check([9, 10]), refusal(/input 1, got 10/));
  await assert.rejects(check([1, 2], { count: 3 }), refusal(/size in bytes of the best classes 24, got 16/));
  const comparison = { count: 1, blob: digestBytes('any') };
  await assert.rejects(check([1], { comparison }), refusal(/size in bytes of the raw outputs 40, got 8/));
});
