import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch, MeasureFacts } from '../result/job-result.ts';
import { judgeSeries } from './judge-series.ts';
import { readLaunches } from './read-launches.ts';

const [good, bad, samplesBlob] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const device = { emulatedBy: undefined, processors: 4 };
const sampleCount = 8;

/** Two series of one variant, of which the first is noisy, and one that could not even be loaded. */
function measured(): { facts: MeasureFacts; blobs: Map<string, Uint8Array> } {
  const samples: number[] = [];
  const launch = (series: number, round: number): Launch => {
    const sampleOffset = samples.length;
    // The launches of the first series differ by a fifth.
    const latencyNs = 1e6 * (series === 0 && round % 2 === 1 ? 1.2 : 1);
    samples.push(...Array.from({ length: sampleCount }, () => latencyNs));
    return {
      variantDigest: good,
      startedAtUnixMs: 0,
      order: series * 6 + round,
      series,
      sampleOffset,
      warmupCount: 0,
      timedCount: sampleCount,
    };
  };
  const failure = { class: 'bad-model', message: 'no model at all' } as const;
  const launches = [
    { variantDigest: bad, startedAtUnixMs: 0, order: 99, failure },
    ...[0, 1].flatMap((series) => Array.from({ length: 6 }, (_, round) => launch(series, round))),
  ];
  const facts = {
    scenario: 'single-stream',
    threadsUsed: 1,
    launches,
    profiles: [],
    samplesBlob,
  } as unknown as MeasureFacts;
  const bytes = Buffer.from(Float64Array.from(samples).buffer);
  return { facts, blobs: new Map([[samplesBlob, bytes]]) };
}

describe('the series that counts', () => {
  it('is chosen by the variants that could be timed, whatever became of another', () => {
    const { facts, blobs } = measured();
    assert.deepEqual(judgeSeries(facts, device, blobs), { chosen: 1, tried: ['noisy', 'trusted'] });
  });

  it('leaves the failed variant the reason of its failure', () => {
    const { facts, blobs } = measured();
    assert.deepEqual(readLaunches(facts, { variantDigest: bad, series: 1 }, blobs), {
      completed: [],
      failures: ['launch-failed: bad-model: no model at all'],
    });
  });
});
