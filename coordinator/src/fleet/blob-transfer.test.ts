import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { errorHintMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { JobSpec } from '../store/records.ts';
import { exampleLoad, exampleMeasure, exampleSpec } from '../store/store-fixtures.ts';
import {
  createTestRun,
  evaluateResult,
  refusal,
  startTestFleet,
  type TestAgent,
  type TestFleet,
} from './fleet-fixture.ts';

const random = createRandom(11);
const bytes = Buffer.from(Array.from({ length: 700_001 }, () => random.below(256)));

test('a leased blob is fetched whole, and resumed from any offset', async () => {
  await using fleet = await startTestFleet();
  const { agent, digest } = await leaseBlob(fleet, bytes);
  assert.deepEqual(await agent.getBlob(digest), bytes);
  for (const offset of [1, 262_144, 700_000]) {
    assert.deepEqual(await agent.getBlob(digest, offset), bytes.subarray(offset));
  }
  assert.equal((await agent.getBlob(digest, bytes.length)).length, 0);
  assert.equal((await refusal(agent.getBlob(digest, bytes.length + 1))).code, status.OUT_OF_RANGE);
  assert.equal((await refusal(agent.getBlob('../../etc/passwd'))).code, status.INVALID_ARGUMENT);
});

test('chunks say where they belong, how large the blob is, and stay within 256 KiB', async () => {
  await using fleet = await startTestFleet();
  const { agent, digest } = await leaseBlob(fleet, bytes);
  let offset = 100;
  for await (const chunk of agent.client.getBlob({ digest, offset })) {
    assert.equal(chunk.offset, offset);
    assert.equal(chunk.totalBytes, offset === 100 ? bytes.length : 0);
    assert.ok(chunk.data.length <= 262_144);
    offset += chunk.data.length;
  }
  assert.equal(offset, bytes.length);
});

test('a device reads no blob of another’s job, whether it exists or not', async () => {
  await using fleet = await startTestFleet();
  const { digest } = await leaseBlob(fleet, bytes);
  const other = await fleet.join('other');
  await other.open();
  for (const wanted of [digest, digestBytes('no such blob')]) {
    assert.equal((await refusal(other.getBlob(wanted))).code, status.PERMISSION_DENIED);
  }
});

test('a measurement’s companions are read like its variants', async () => {
  await using fleet = await startTestFleet();
  const companion = await fleet.blobs.put(Buffer.from('companion'));
  const { agent, digest } = await leaseBlob(fleet, bytes, (variant) => ({
    spec: 'measure',
    measure: {
      ...exampleMeasure(variant),
      load: { ...exampleLoad, companions: [{ digest: companion, name: 'c', sizeBytes: 9 }] },
    },
  }));
  assert.deepEqual(await agent.getBlob(digest), bytes);
  assert.equal((await agent.getBlob(companion)).toString(), 'companion');
});

test('a leased blob that is not there is said to be missing', async () => {
  await using fleet = await startTestFleet();
  const { agent, digest } = await leaseBlob(fleet, bytes);
  await fleet.blobs.remove(digest);
  assert.equal((await refusal(agent.getBlob(digest))).code, status.NOT_FOUND);
});

test('for a reader that does not read, a few chunks are fetched from the disk, not the blob', async () => {
  let readBytes = 0;
  const count = (bytesRead: number): void => {
    readBytes += bytesRead;
  };
  await using fleet = await startTestFleet({}, (blobs) => countReads(blobs, count));
  const { agent, digest } = await leaseBlob(fleet, Buffer.alloc(64 << 20, 'x'));
  const call = agent.client.getBlob({ digest });
  call.on('error', () => {});
  await new Promise((resolve) => call.once('readable', resolve));
  for (let before = -1; before < readBytes; ) {
    before = readBytes;
    // Every answer lets the event loop turn: what would be read ahead, is.
    for (let turn = 0; turn < 100; turn++) await agent.statBlob(digest);
  }
  assert.ok(readBytes < 12 << 20, `${readBytes} bytes were read ahead`);
  call.cancel();
});

test('an upload is stored once, and the second time not even read', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const digest = digestBytes(bytes);
  const pieces = [bytes.subarray(0, 300_000), bytes.subarray(300_000)];
  const announced = { digest, totalBytes: bytes.length };
  assert.deepEqual(await agent.putBlob(pieces, announced), { existed: false });
  assert.deepEqual(await agent.statBlob(digest), { complete: true, receivedBytes: 0 });
  assert.deepEqual(await fleet.blobs.read(digest), bytes);
  assert.deepEqual(await agent.putBlob(pieces, announced), { existed: true });
});

test('an upload that was cut goes on where it ended', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const digest = digestBytes(bytes);
  const totalBytes = bytes.length;
  const cut = await refusal(agent.putBlob([bytes.subarray(0, 100_000)], { digest, totalBytes }));
  assert.equal(cut.code, status.UNAVAILABLE);
  assert.deepEqual(await agent.statBlob(digest), { complete: false, receivedBytes: 100_000 });
  const wrong = agent.putBlob([bytes.subarray(5)], { digest, totalBytes, offset: 5 });
  const refused = await refusal(wrong);
  assert.equal(refused.code, status.OUT_OF_RANGE);
  const hint = decodeURIComponent(String(refused.metadata.get(errorHintMetadataKey)[0]));
  assert.equal(hint, 'Continue at 100000.');
  await agent.putBlob([bytes.subarray(100_000)], { digest, totalBytes, offset: 100_000 });
  assert.deepEqual(await fleet.blobs.read(digest), bytes);
});

test('an upload whose agent vanishes leaves what came', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const digest = digestBytes(bytes);
  const call = agent.client.putBlob(() => {});
  call.on('error', () => {});
  call.write({ digest, totalBytes: bytes.length, data: bytes.subarray(0, 50_000) });
  while ((await agent.statBlob(digest)).receivedBytes < 50_000);
  call.cancel();
  for (;;) {
    const rest = { digest, totalBytes: bytes.length, offset: 50_000 };
    const outcome = await agent
      .putBlob([bytes.subarray(50_000)], rest)
      .catch((error: { code: number }) => error);
    if (!('code' in outcome)) break;
    assert.equal(outcome.code, status.UNAVAILABLE, 'until the coordinator has noticed');
  }
  assert.deepEqual(await fleet.blobs.read(digest), bytes);
});

test('bytes of another digest, too many bytes and too large a blob are refused', async () => {
  await using fleet = await startTestFleet({ maxBlobBytes: 1_000_000, maxBytesPerResult: 1_500_000 });
  const agent = await fleet.join('pi');
  const digest = digestBytes('what was promised');
  const upload = (announced: { digest: string; totalBytes: number; offset?: number }) =>
    refusal(agent.putBlob([bytes.subarray(0, 1000)], announced)).then((error) => error.code);
  assert.equal(await upload({ digest, totalBytes: 1000 }), status.DATA_LOSS);
  assert.equal(await upload({ digest, totalBytes: 999 }), status.INVALID_ARGUMENT);
  assert.equal(await upload({ digest, totalBytes: 1_000_001 }), status.INVALID_ARGUMENT);
  assert.equal(await upload({ digest, totalBytes: 10, offset: 11 }), status.OUT_OF_RANGE);
  assert.equal(await upload({ digest: 'no digest', totalBytes: 1000 }), status.INVALID_ARGUMENT);
  assert.equal(await fleet.blobs.stat(digest), undefined);
});

test('what a device uploads for one result is bounded', async () => {
  await using fleet = await startTestFleet({ maxBytesPerResult: 1_000_000 });
  const agent = await fleet.join('pi');
  await agent.putBlob([bytes], { digest: digestBytes(bytes), totalBytes: bytes.length });
  const more = Buffer.alloc(400_000);
  const announced = { digest: digestBytes(more), totalBytes: more.length };
  assert.equal((await refusal(agent.putBlob([more], announced))).code, status.RESOURCE_EXHAUSTED);
});

test('an upload over a line that breaks again and again is not refused for what never came', async () => {
  await using fleet = await startTestFleet({ maxBytesPerResult: 800_000 });
  const agent = await fleet.join('pi');
  const [digest, totalBytes] = [digestBytes(bytes), bytes.length];
  for (let offset = 0; offset < 600_000; offset += 50_000) {
    const piece = bytes.subarray(offset, offset + 50_000);
    const cut = await refusal(agent.putBlob([piece], { digest, totalBytes, offset }));
    assert.equal(cut.code, status.UNAVAILABLE, cut.details);
  }
  await agent.putBlob([bytes.subarray(600_000)], { digest, totalBytes, offset: 600_000 });
  assert.deepEqual(await fleet.blobs.read(digest), bytes);
});

test('an upload that failed for good, and a blob that was collected, count no more', async () => {
  await using fleet = await startTestFleet({ maxBytesPerResult: 800_000 });
  const agent = await fleet.join('pi');
  const announced = { digest: digestBytes('another'), totalBytes: bytes.length };
  assert.equal((await refusal(agent.putBlob([bytes], announced))).code, status.DATA_LOSS);
  const digest = await agent.upload(bytes);
  await fleet.blobs.remove(digest);
  await agent.upload(Buffer.alloc(700_000, 1));
});

test('a device does not learn of blobs that are not its own: not by a look, an upload or a result', async () => {
  await using fleet = await startTestFleet();
  const { agent, digest: variant } = await leaseBlob(fleet, Buffer.from('variant'));
  const digest = await agent.upload(bytes);
  const other = await fleet.join('other');
  const session = await other.open();
  const unknown = { complete: false, receivedBytes: 0 };
  assert.deepEqual(await other.statBlob(digest), unknown);
  assert.deepEqual(await other.statBlob(variant), unknown);
  assert.deepEqual(
    await agent.statBlob(variant),
    { complete: true, receivedBytes: 0 },
    'of a job leased to it',
  );
  const short = other.putBlob([bytes.subarray(0, 9)], { digest, totalBytes: bytes.length });
  assert.equal((await refusal(short)).code, status.UNAVAILABLE);
  await createTestRun(fleet, 'r2', [other.deviceId]);
  const job = await session.nextJob();
  const result = { ...evaluateResult(job), blobs: [digestBytes('outputs'), digest] };
  await other.upload('outputs');
  assert.equal((await refusal(other.submit(result))).code, status.FAILED_PRECONDITION);
  // Who shows the bytes may know.
  const rest = { digest, totalBytes: bytes.length, offset: 9 };
  assert.deepEqual(await other.putBlob([bytes.subarray(9)], rest), { existed: true });
  assert.deepEqual(await other.statBlob(digest), { complete: true, receivedBytes: 0 });
  assert.equal((await other.submit(result)).status, 'committed');
  assert.deepEqual(await other.statBlob(digest), { complete: true, receivedBytes: 0 }, 'of its result');
});

test('an upload held open by one device does not hold up another’s', async () => {
  await using fleet = await startTestFleet();
  const [slow, quick] = [await fleet.join('slow'), await fleet.join('quick')];
  const digest = digestBytes(bytes);
  const call = slow.client.putBlob(() => {});
  call.on('error', () => {});
  call.write({ digest, totalBytes: bytes.length, data: bytes.subarray(0, 10) });
  while ((await slow.statBlob(digest)).receivedBytes < 10);
  assert.deepEqual(await quick.statBlob(digest), { complete: false, receivedBytes: 0 });
  assert.equal(await quick.upload(bytes), digest);
  call.cancel();
});

test('an upload that stops coming is given up', async () => {
  await using fleet = await startTestFleet({ patienceMs: 100 });
  const agent = await fleet.join('pi');
  const refused = new Promise<{ code: number } | null>((resolve) => {
    const call = agent.client.putBlob((error) => resolve(error));
    call.on('error', () => {});
    call.write({ digest: digestBytes(bytes), totalBytes: bytes.length, data: bytes.subarray(0, 10) });
  });
  assert.equal((await refused)?.code, status.DEADLINE_EXCEEDED);
});

/** A device that has a job leased to it which needs these bytes. */
async function leaseBlob(
  fleet: TestFleet,
  content: Buffer,
  specOf: (digest: Digest) => JobSpec = exampleSpec,
): Promise<{ agent: TestAgent; digest: Digest }> {
  const digest = await fleet.blobs.put(content);
  const agent = await fleet.join('pi');
  const session = await agent.open();
  await createTestRun(fleet, 'r', [agent.deviceId], { spec: specOf(digest) });
  await session.nextJob();
  return { agent, digest };
}

/** The same blobs; tells how many bytes are taken from a stream, as they are. */
function countReads(blobs: BlobStore, count: (bytesRead: number) => void): BlobStore {
  const open: BlobStore['open'] = async (digest, offset) => {
    const { totalBytes, stream } = await blobs.open(digest, offset);
    const counted = async function* () {
      for await (const data of stream as AsyncIterable<Buffer>) {
        count(data.length);
        yield data;
      }
    };
    return { totalBytes, stream: Readable.from(counted(), { highWaterMark: 1 }) };
  };
  return new Proxy(blobs, {
    get: (target, key: keyof BlobStore) => (key === 'open' ? open : target[key].bind(target)),
  });
}
