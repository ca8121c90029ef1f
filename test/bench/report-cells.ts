import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syntheticEvidence } from '../../coordinator/src/analysis/synthetic-evidence.ts';
import { openFileBlobStore } from '../../coordinator/src/blobs/file-blob-store.ts';
import { storeEvidence } from '../../coordinator/src/evidence/store-evidence.fixture.ts';
import { openStore } from '../../coordinator/src/store/open-store.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';

const devices = 1000;
const variants = 10;
const launches = 6;
const samplesPerLaunch = 167;

/** The report of a large fleet as the coordinator makes it: out of its store, in its worker thread, as JSON. */
export const reportCells: Benchmark = {
  id: 'report-cells',
  title: `a report over ${devices} devices × ${variants} variants × 1,000 samples, out of the store`,
  run: measureReports,
};

async function measureReports({ folder, progress }: BenchContext): Promise<Figure[]> {
  progress(`storing ${devices} devices`);
  await storeFleet(folder);
  progress('first report: every cell is summarised');
  const first = await makeReport(folder);
  progress('the report again: summaries were kept');
  const again = await makeReport(folder);
  return [
    { name: 'report-cells.first', value: first.seconds, unit: 's' },
    { name: 'report-cells.first.memory', value: first.megabytes, unit: 'MB' },
    {
      name: 'report-cells.again',
      value: again.seconds,
      unit: 's',
      goal: { is: 'at most', limit: 5 },
    },
    {
      name: 'report-cells.again.memory',
      value: again.megabytes,
      unit: 'MB',
      goal: { is: 'at most', limit: 1000 },
    },
    { name: 'report-cells.json', value: again.bytes / 1e6, unit: 'MB' },
  ];
}

async function storeFleet(folder: string): Promise<void> {
  const places = Array.from({ length: devices }, (_, i) => ({
    deviceId: `device-${i}`,
    backendId: 'onnxruntime-cpu',
    latencyNs: 1e6 * (1 + i / devices),
    latencyFactors: [1, 0.5, 0.6],
  }));
  const evidence = syntheticEvidence({ places, launches, samplesPerLaunch, variants, evaluates: false });
  const store = await openStore(join(folder, 'data'));
  try {
    await storeEvidence(evidence, store, await openFileBlobStore(join(folder, 'blobs')));
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** In a process of its own, so that its peak memory is the report's. */
async function makeReport(
  folder: string,
): Promise<{ readonly seconds: number; readonly megabytes: number; readonly bytes: number }> {
  const child = join(import.meta.dirname, 'report-once.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child, folder]);
  return JSON.parse(stdout);
}
