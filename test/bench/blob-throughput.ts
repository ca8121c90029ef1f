import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFile, parseDigest } from '@qfleet/shared/digest.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { downloadBlob } from '../../agent/src/blobs/download-blob.ts';
import { createBlobSource } from '../../agent/src/blobs/open-blob.ts';
import { uploadBlob } from '../../agent/src/blobs/upload-blob.ts';
import { readIdentity } from '../../agent/src/config/read-identity.ts';
import { Link } from '../../agent/src/session/link.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { readProcessMemory, resetPeak } from './process-memory.ts';
import { type CoordinatorProcess, joinAs, startCoordinatorProcess } from './start-coordinator-process.ts';

/** 256 MB of a large model's size. */
const blobBytes = 256_000_000;
/** Transfers each way; the median is reported. */
const transfers = 5;
const megabyte = 1e6;

/** A large blob between a coordinator and one agent over mutual TLS on loopback, to the disk and verified. */
export const blobThroughput: Benchmark = {
  id: 'blob-throughput',
  title: 'a large blob over TLS to one agent and back, with the memory of the coordinator',
  run: measureThroughput,
};

async function measureThroughput(context: BenchContext): Promise<Figure[]> {
  const { folder } = context;
  context.progress('writing the blob');
  const blobPath = join(folder, 'blob');
  await writeRandom(blobPath);
  const order = { folder, deviceNames: ['board'], jobsPerDevice: 1, blobPath };
  await using coordinator = await startCoordinatorProcess(order);
  const { agent, session } = await joinAs(coordinator, 0);
  await session.nextJob();
  using link = await openLink(coordinator);
  try {
    const down = await repeat('download', coordinator.pid, context, () =>
      download(link, coordinator, context),
    );
    const up = await repeat('upload', coordinator.pid, context, (index) => upload(link, index, context));
    return [...describe('download', down, { is: 'at least', limit: 110 }), ...describe('upload', up)];
  } finally {
    session.cancel();
    agent.close();
  }
}

async function openLink({ address, devices }: CoordinatorProcess): Promise<Link> {
  const identity = await readIdentity(devices[0]!.identityFolder);
  return new Link({
    coordinator: address,
    caCertificate: identity.caPem,
    key: identity.keyPem,
    certificate: identity.certificatePem,
  });
}

/** Gives seconds: fetched, written, synced, verified and renamed. */
async function download(
  link: Link,
  { blobDigest }: CoordinatorProcess,
  { folder, seed, signal }: BenchContext,
): Promise<number> {
  const path = join(folder, 'fetched');
  const start = performance.now();
  await downloadBlob({
    digest: parseDigest(blobDigest),
    sizeBytes: blobBytes,
    path,
    openBlob: createBlobSource(link),
    stallMs: 30_000,
    random: createRandom(seed),
    signal,
  });
  const seconds = (performance.now() - start) / 1e3;
  await rm(path);
  return seconds;
}

/** Gives seconds: sent, written, verified, synced and acknowledged. */
async function upload(link: Link, index: number, { folder, signal }: BenchContext): Promise<number> {
  const path = join(folder, `sent-${index}`);
  await writeRandom(path);
  const digest = await digestFile(path);
  const start = performance.now();
  await uploadBlob({ client: link.client, digest, path, signal });
  const seconds = (performance.now() - start) / 1e3;
  await rm(path);
  return seconds;
}

interface Transfers {
  readonly seconds: readonly number[];
  readonly rssBeforeBytes: number;
  readonly rssPeakBytes: number;
}

async function repeat(
  name: string,
  pid: number,
  { progress }: BenchContext,
  transfer: (index: number) => Promise<number>,
): Promise<Transfers> {
  await resetPeak(pid);
  const before = await readProcessMemory(pid);
  const seconds: number[] = [];
  for (let index = 0; index < transfers; index++) {
    progress(`${name} ${index + 1} of ${transfers}`);
    seconds.push(await transfer(index));
  }
  const after = await readProcessMemory(pid);
  return { seconds, rssBeforeBytes: before.rssBytes, rssPeakBytes: after.peakRssBytes };
}

function describe(name: string, { seconds, ...memory }: Transfers, goal?: Figure['goal']): Figure[] {
  const n = seconds.length;
  const speeds = seconds.map((duration) => blobBytes / megabyte / duration);
  return [
    {
      name: `blob-throughput.${name}`,
      value: median(speeds),
      unit: 'MB/s',
      n,
      ...(goal ? { goal } : {}),
      note: `${blobBytes / megabyte} MB; slowest ${Math.min(...speeds).toFixed(0)}, fastest ${Math.max(...speeds).toFixed(0)}`,
    },
    {
      name: `blob-throughput.${name}-coordinator-rss-before`,
      value: memory.rssBeforeBytes / megabyte,
      unit: 'MB',
    },
    {
      name: `blob-throughput.${name}-coordinator-rss-peak`,
      value: memory.rssPeakBytes / megabyte,
      unit: 'MB',
    },
  ];
}

async function writeRandom(path: string): Promise<void> {
  await using file = await open(path, 'w');
  for (let left = blobBytes; left > 0; left -= megabyte)
    await file.write(randomBytes(Math.min(left, megabyte)));
}
