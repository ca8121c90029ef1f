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
import type { Figure, Goal } from './figure.ts';
import { readProcessCpuNs } from './process-cpu.ts';
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
      prepareDownload(link, coordinator, context),
    );
    const up = await repeat('upload', coordinator.pid, context, () => prepareUpload(link, context));
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

/** One transfer, ready to go; `path` is removed afterwards. */
interface Transfer {
  readonly path: string;
  move(): Promise<void>;
}

/** Fetched, written, synced, verified and renamed. */
async function prepareDownload(
  link: Link,
  { blobDigest }: CoordinatorProcess,
  { folder, seed, signal }: BenchContext,
): Promise<Transfer> {
  const path = join(folder, 'fetched');
  const download = {
    digest: parseDigest(blobDigest),
    sizeBytes: blobBytes,
    path,
    openBlob: createBlobSource(link),
    stallMs: 30_000,
    random: createRandom(seed),
    signal,
  };
  return { path, move: () => downloadBlob(download) };
}

/** Sent, written, verified, synced and acknowledged; a new blob each time, since a known one is not sent. */
async function prepareUpload(link: Link, { folder, signal }: BenchContext): Promise<Transfer> {
  const path = join(folder, 'sent');
  await writeRandom(path);
  const digest = await digestFile(path);
  return { path, move: () => uploadBlob({ link, digest, path, signal }) };
}

/** What a transfer took, seconds. */
interface Cost {
  readonly wall: number;
  /** Processor time. */
  readonly coordinator: number;
  /** Processor time of this process, which is the agent here. */
  readonly agent: number;
}

interface Transfers {
  readonly costs: readonly Cost[];
  readonly rssBeforeBytes: number;
  readonly rssPeakBytes: number;
}

async function repeat(
  name: string,
  pid: number,
  { progress }: BenchContext,
  prepare: () => Promise<Transfer>,
): Promise<Transfers> {
  await resetPeak(pid);
  const before = await readProcessMemory(pid);
  const costs: Cost[] = [];
  for (let index = 0; index < transfers; index++) {
    progress(`${name} ${index + 1} of ${transfers}`);
    const { path, move } = await prepare();
    costs.push(await timeTransfer(pid, move));
    await rm(path);
  }
  const after = await readProcessMemory(pid);
  return { costs, rssBeforeBytes: before.rssBytes, rssPeakBytes: after.peakRssBytes };
}

async function timeTransfer(pid: number, move: () => Promise<void>): Promise<Cost> {
  const coordinatorNs = await readProcessCpuNs(pid);
  const agentMicros = process.cpuUsage();
  const startMs = performance.now();
  await move();
  const wall = (performance.now() - startMs) / 1e3;
  const { user, system } = process.cpuUsage(agentMicros);
  return {
    wall,
    coordinator: ((await readProcessCpuNs(pid)) - coordinatorNs) / 1e9,
    agent: (user + system) / 1e6,
  };
}

function describe(name: string, { costs, ...memory }: Transfers, goal?: Goal): Figure[] {
  const speeds = costs.map(({ wall }) => blobBytes / megabyte / wall);
  const spread = `slowest ${Math.min(...speeds).toFixed(0)}, fastest ${Math.max(...speeds).toFixed(0)}`;
  const cpu = (side: 'coordinator' | 'agent'): Figure => ({
    name: `blob-throughput.${name}-${side}-cpu`,
    value: median(costs.map((cost) => cost[side])) / (blobBytes / 1e9),
    unit: 's/GB',
    n: costs.length,
    note: 'processor time, all threads',
  });
  const rss = (when: string, bytes: number): Figure => ({
    name: `blob-throughput.${name}-coordinator-rss-${when}`,
    value: bytes / megabyte,
    unit: 'MB',
  });
  return [
    {
      name: `blob-throughput.${name}`,
      value: median(speeds),
      unit: 'MB/s',
      n: costs.length,
      ...(goal ? { goal } : {}),
      note: `${blobBytes / megabyte} MB; ${spread}`,
    },
    cpu('coordinator'),
    cpu('agent'),
    rss('before', memory.rssBeforeBytes),
    rss('peak', memory.rssPeakBytes),
  ];
}

async function writeRandom(path: string): Promise<void> {
  await using file = await open(path, 'w');
  for (let left = blobBytes; left > 0; left -= megabyte)
    await file.write(randomBytes(Math.min(left, megabyte)));
}
