import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import { sustainedLaunchSchema } from '@qfleet/shared/result/job-result.ts';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { decodeHistogram } from './decode-histogram.ts';
import { sustainedReadings } from './sustained-readings.ts';

type Window = SustainedLaunch['windows'][number];

const digest = '0'.repeat(64);
const secondNs = 1e9;

function histogramOf(valueNs: number, count = 100): string {
  const histogram = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
  for (let i = 0; i < count; i++) histogram.recordValue(valueNs);
  return encodeIntoCompressedBase64(histogram);
}

/** Windows of ten seconds. */
function launchOf(histograms: readonly string[]): SustainedLaunch {
  const windows = histograms.map(
    (histogram, i): Window => ({
      startNs: i * 10 * secondNs,
      endNs: (i + 1) * 10 * secondNs,
      inferences: 100,
      histogram,
      environment: { atUnixMs: 0 },
    }),
  );
  return { variantDigest: digest, windows };
}

/** V2: a header of ten words, the last six being three 64-bit numbers, then the payload. */
function packed(header: { digits?: number; highest?: bigint; length?: number }, payload: Buffer): string {
  const plain = Buffer.alloc(40);
  plain.writeInt32BE(0x1c849313, 0);
  plain.writeInt32BE(header.length ?? payload.length, 4);
  plain.writeInt32BE(1, 8);
  plain.writeInt32BE(header.digits ?? 3, 12);
  plain.writeBigInt64BE(1n, 16);
  plain.writeBigInt64BE(header.highest ?? 1_000_000n, 24);
  plain.writeBigInt64BE(1n, 32);
  const content = deflateSync(Buffer.concat([plain, payload]));
  const front = Buffer.alloc(8);
  front.writeInt32BE(0x1c849314, 0);
  front.writeInt32BE(content.length, 4);
  return Buffer.concat([front, content]).toString('base64');
}

test('minutes, and the onset of throttling, from the windows of a run', () => {
  const fast = histogramOf(1e6);
  const slow = histogramOf(1.3e6);
  const readings = sustainedReadings(launchOf([...Array(7).fill(fast), ...Array(23).fill(slow)]));
  const byId = new Map(readings.map((reading) => [reading.quantity, reading]));
  const value = (id: string): number | undefined => {
    const reading = byId.get(id);
    return reading && 'value' in reading ? reading.value : undefined;
  };
  assert.ok(Math.abs((value('sustained.p50.minute-1') ?? 0) / 1e6 - 1) < 0.001);
  assert.ok(Math.abs((value('sustained.p50.minute-5') ?? 0) / 1.3e6 - 1) < 0.001);
  assert.equal(value('sustained.p50.minute-30'), undefined);
  assert.equal(value('sustained.onset'), 70 * secondNs);
});

describe('a histogram that would take gigabytes or hours is no evidence', () => {
  const bombs: Record<string, () => string> = {
    'zeros that unpack a thousandfold': () => packed({}, Buffer.alloc(60_000_000)),
    'five digits to 2^53': () => packed({ digits: 5, highest: 2n ** 53n - 1n }, Buffer.from([2])),
    'nine digits': () => packed({ digits: 9, highest: 2n ** 40n }, Buffer.from([2])),
    'a payload of 2 GB, which is not there': () => packed({ length: 2 ** 31 - 1 }, Buffer.from([2])),
    'a highest value beyond 2^53': () => packed({ highest: 2n ** 62n }, Buffer.from([2])),
    'no histogram at all': () => Buffer.alloc(100, 7).toString('base64'),
    nothing: () => '',
  };
  for (const [name, make] of Object.entries(bombs)) {
    test(name, () => {
      const bomb = make();
      const before = process.memoryUsage();
      assert.equal(decodeHistogram(bomb), undefined);
      const after = process.memoryUsage();
      const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
      assert.ok(grown < 32 * 2 ** 20, `${grown} bytes`);
      const readings = sustainedReadings(launchOf([histogramOf(1e6), bomb]));
      assert.ok(readings.every((reading) => reading.status === 'unavailable'));
    });
  }
});

test('the widest histogram that an agent writes is taken', () => {
  const widest = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
  for (let value = 1; value < 2 ** 46; value *= 1.0005) widest.recordValue(Math.ceil(value));
  const encoded = encodeIntoCompressedBase64(widest);
  assert.equal(decodeHistogram(encoded)?.totalCount, widest.totalCount);
  assert.ok(sustainedLaunchSchema.safeParse(launchOf([encoded])).success);
});

test('a day of windows is held one at a time', () => {
  const wide = histogramOf(5e9);
  const launch = launchOf(Array(8640).fill(wide));
  assert.ok(sustainedLaunchSchema.safeParse(launch).success);
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const windows = launch.windows;
  const watched = new Proxy(windows, {
    get: (target, key, receiver) => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
      return Reflect.get(target, key, receiver);
    },
  });
  sustainedReadings({ ...launch, windows: watched });
  assert.ok(peak < 512 * 2 ** 20, `${peak} bytes of histograms at once`);
  assert.ok(!sustainedLaunchSchema.safeParse(launchOf(Array(30_000).fill(wide))).success);
});
