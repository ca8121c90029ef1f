import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import type { Random } from '@qfleet/shared/random.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import { Link } from '../session/link.ts';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { makeTestCertificates, type TestCertificates } from '../testing/make-test-certificates.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { deliverResults } from './deliver-results.ts';
import { Spool, type SpoolEntry } from './spool.ts';

const mebibyte = 2 ** 20;
const log = createLogger({ name: 'test', level: 'silent' });

describe('delivery', () => {
  let certificates: TestCertificates;
  before(async () => {
    certificates = await makeTestCertificates();
  });

  /** A spool that is delivered to a real server, from `deliver` on. */
  const start = async (maxUploadedResultBytes = 0) => {
    const folder = await temporaryFolder();
    const coordinator = await FakeCoordinator.start({ certificates });
    const device = await certificates.issueDevice('dev_1');
    const link = new Link({
      coordinator: coordinator.address,
      caCertificate: Buffer.from(certificates.caPem),
      key: Buffer.from(device.keyPem),
      certificate: Buffer.from(device.certificatePem),
    });
    const spool = await Spool.open(join(folder.path, 'spool'), log);
    const ending = new AbortController();
    const problems: string[] = [];
    let delivering: Promise<void> | undefined;
    return {
      coordinator,
      spool,
      link,
      problems,
      folder: folder.path,
      /** Puts a measured result with one blob into the spool. */
      add: (jobId: string, blob: Buffer, padding = '') =>
        addResult({ spool, folder: folder.path, jobId, blob, padding }),
      deliver: (from = spool) => {
        delivering = deliverResults({
          spool: from,
          link,
          key: createPrivateKey(device.keyPem),
          // Short waits: the draw scales every back-off.
          random: { next: () => 0.001 } as Random,
          log,
          welcomes: new EventTarget(),
          maxUploadedResultBytes: () => maxUploadedResultBytes,
          onDelivered: () => undefined,
          onProblem: (message) => problems.push(message),
          signal: ending.signal,
        });
      },
      [Symbol.asyncDispose]: async () => {
        ending.abort();
        await delivering;
        link[Symbol.dispose]();
        await coordinator[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  };

  it('never sends a blob that the disk has changed: its job fails for that reason, other results go on', async () => {
    await using t = await start();
    const spoilt = await t.add('job_a', randomBytes(1000));
    const good = await t.add('job_b', randomBytes(1000));
    await flipByte(spoilt.blobPath(spoilt.blobs[0]!));
    t.deliver();
    await t.coordinator.until('both results', () => t.coordinator.results.length === 2);
    const failure = failureOf(t.coordinator.results.find(({ jobId }) => jobId === 'job_a'));
    assert.equal(failure.class, 'digest-mismatch');
    assert.match(failure.message, /blob [0-9a-f]{64} changed on this device's disk/);
    assert.deepEqual(
      t.coordinator.writes.map(({ digest }) => digest),
      good.blobs,
    );
    assert.deepEqual(await readdir(join(t.folder, 'refused')), [spoilt.digest]);
  });

  it('says so when a blob is gone from the spool, also after a restart', async () => {
    await using t = await start();
    const { blobs, blobPath } = await t.add('job_a', randomBytes(1000));
    await rm(blobPath(blobs[0]!));
    t.deliver(await Spool.open(join(t.folder, 'spool'), log));
    await t.coordinator.until('the result', () => t.coordinator.results.length === 1);
    assert.match(failureOf(t.coordinator.results[0]).message, /lost on the device.*There is no file/);
    assert.equal(t.coordinator.openUploads, 0, 'the coordinator waits for the rest of an upload');
  });

  it('needs no blob that the coordinator has already', async () => {
    await using t = await start();
    const blob = randomBytes(1000);
    const { blobs, blobPath } = await t.add('job_a', blob);
    t.coordinator.addBlob(blob);
    await rm(blobPath(blobs[0]!));
    t.deliver();
    await t.coordinator.until('the result', () => t.coordinator.results.length === 1);
    assert.equal(t.coordinator.results[0]?.outcome.kind, 'probe');
  });

  it('never sends a result that the disk has changed, under way or before a start', async () => {
    for (const isRestarted of [false, true]) {
      await using t = await start();
      const { resultPath } = await t.add('job_a', randomBytes(10));
      await replaceText(resultPath, '"durationNs":1', '"durationNs":2');
      t.deliver(isRestarted ? await Spool.open(join(t.folder, 'spool'), log) : t.spool);
      await t.coordinator.until('the result', () => t.coordinator.results.length === 1);
      const failure = failureOf(t.coordinator.results[0]);
      assert.equal(failure.class, 'digest-mismatch');
      assert.match(failure.message, /result changed on the device's disk/);
      assert.equal(t.coordinator.results[0]?.jobId, 'job_a');
    }
  });

  it('gives up bytes that the coordinator refuses again and again, and other results need not wait', async () => {
    for (const code of [status.DATA_LOSS, status.OUT_OF_RANGE, status.FAILED_PRECONDITION]) {
      await using t = await start();
      await t.add('job_a', randomBytes(10));
      await t.add('job_b', randomBytes(10));
      t.coordinator.refuseResult = ({ jobId, outcome }) =>
        jobId === 'job_a' && outcome.kind !== 'failed' ? code : undefined;
      t.deliver();
      await t.coordinator.until('both results', () => t.coordinator.results.length === 2);
      assert.deepEqual(
        t.coordinator.results.map(({ jobId }) => jobId),
        ['job_b', 'job_a'],
      );
      assert.match(failureOf(t.coordinator.results[1]).message, /refused the result: refused by the test/);
    }
  });

  it('uploads a result that no message could hold, from where it broke off', async () => {
    await using t = await start(32 * mebibyte);
    const { digest } = await t.add('job_a', randomBytes(10), 'x'.repeat(5 * mebibyte));
    t.coordinator.onPart = (received) => {
      if (received < mebibyte) return;
      t.coordinator.onPart = undefined;
      throw new Error('the line breaks');
    };
    t.deliver();
    await t.coordinator.until('the result', () => t.coordinator.results.length === 1);
    assert.deepEqual(t.coordinator.resultDigests, [digest]);
    const offsets = t.coordinator.writes.filter((write) => write.digest === digest);
    assert.equal(offsets.length, 2);
    assert.ok(offsets[1]!.offset >= mebibyte);
  });

  it('sends what fits into a message to a coordinator that knows no uploaded results, and fails what does not', async () => {
    await using t = await start(0);
    await t.add('job_a', randomBytes(10), 'x'.repeat(5 * mebibyte));
    const { digest } = await t.add('job_b', randomBytes(10), 'x'.repeat(3 * mebibyte));
    t.deliver();
    await t.coordinator.until('both results', () => t.coordinator.results.length === 2);
    assert.ok(t.coordinator.resultDigests.includes(digest));
    const failure = failureOf(t.coordinator.results.find(({ jobId }) => jobId === 'job_a'));
    assert.equal(failure.class, 'unsupported');
    assert.match(failure.message, /result has 52\d+ bytes; the coordinator takes at most 4193280/);
  });

  it('goes on through a link that is dropped in the middle of an upload', async () => {
    await using t = await start();
    const { digest } = await t.add('job_a', randomBytes(3_000_000));
    t.coordinator.onPart = (received) => {
      if (received < 1_000_000) return;
      t.coordinator.onPart = undefined;
      t.link.reset();
    };
    t.deliver();
    await t.coordinator.until('the result', () => t.coordinator.results.length === 1);
    assert.deepEqual(t.coordinator.resultDigests, [digest]);
  });
});

async function addResult({
  spool,
  folder,
  jobId,
  blob,
  padding,
}: {
  spool: Spool;
  folder: string;
  jobId: string;
  blob: Buffer;
  padding: string;
}): Promise<SpoolEntry> {
  const digest = digestBytes(blob);
  const path = join(folder, digest);
  await writeFile(path, blob);
  const result = {
    schema: 'qfleet.result/1',
    jobId,
    runId: 'run_1',
    fence: 1,
    attempt: 1,
    agentVersion: '0',
    bootId: 'boot',
    startedAtUnixMs: 1,
    durationNs: 1,
    environmentBefore: { atUnixMs: 1, powerMode: padding },
    environmentAfter: { atUnixMs: 2 },
    blobs: [digest],
    outcome: { kind: 'probe', facts: { readings: [], latencyLadder: [] } },
  };
  const bytes = Buffer.from(JSON.stringify(result));
  return spool.add({ bytes, jobId, fence: 1, blobs: [{ digest: digest as Digest, path }] });
}

function failureOf(result: JobResult | undefined) {
  assert.ok(result?.outcome.kind === 'failed', JSON.stringify(result));
  return result.outcome.failure;
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await chmod(path, 0o640);
  await writeFile(path, bytes);
}

async function replaceText(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await chmod(path, 0o640);
  await writeFile(path, text.replace(from, to));
}
