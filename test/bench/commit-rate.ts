import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { evaluateResult } from '../../coordinator/src/fleet/fleet-fixture.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { readProcessCpuNs } from './process-cpu.ts';
import { joinAs, startCoordinatorProcess } from './start-coordinator-process.ts';

/** Devices that hand in at the same time; boards of their own, so that none waits for another. */
const devices = 16;
const jobsPerDevice = 50;

/** Results over the wire: each leased, signed, verified and committed durably before the next of its device. */
export const commitRate: Benchmark = {
  id: 'commit-rate',
  title: 'signed results committed durably (synchronous=FULL), leases included',
  run: measureCommits,
};

async function measureCommits(context: BenchContext): Promise<Figure[]> {
  const { folder } = context;
  const blobPath = join(folder, 'outputs');
  // What `evaluateResult` refers to.
  await writeFile(blobPath, 'outputs');
  const deviceNames = Array.from({ length: devices }, (_, index) => `board-${index}`);
  await using coordinator = await startCoordinatorProcess({ folder, deviceNames, jobsPerDevice, blobPath });
  context.progress(`${devices} devices, ${jobsPerDevice} results each`);
  const joined = await Promise.all(deviceNames.map((_, index) => joinAs(coordinator, index)));
  // A device's results refer to what it has uploaded itself.
  for (const { agent } of joined) await agent.upload('outputs');
  const submitsMs: number[] = [];
  try {
    const first = await Promise.all(joined.map(({ session }) => session.nextJob()));
    const cpuNs = await readProcessCpuNs(coordinator.pid);
    const start = performance.now();
    await Promise.all(
      joined.map(async ({ agent, session }, index) => {
        for (let done = 0, job = first[index]!; ; job = await session.nextJob()) {
          const from = performance.now();
          const { status } = await agent.submit(
            evaluateResult(job, { blobs: [parseDigest(coordinator.blobDigest)] }),
          );
          submitsMs.push(performance.now() - from);
          if (status !== 'committed') throw new Error(`A result should be committed; it is ${status}.`);
          if (++done === jobsPerDevice) return;
        }
      }),
    );
    const seconds = (performance.now() - start) / 1e3;
    return describe(submitsMs, { seconds, cpuNs: (await readProcessCpuNs(coordinator.pid)) - cpuNs });
  } finally {
    for (const { agent, session } of joined) {
      session.cancel();
      agent.close();
    }
  }
}

function describe(
  submitsMs: readonly number[],
  { seconds, cpuNs }: { readonly seconds: number; readonly cpuNs: number },
): Figure[] {
  const n = submitsMs.length;
  return [
    {
      name: 'commit-rate.results',
      value: n / seconds,
      unit: '1/s',
      n,
      note: `${devices} devices at once, over TLS, with the lease of each next job`,
    },
    {
      name: 'commit-rate.submit-p50',
      value: median(submitsMs),
      unit: 'ms',
      n,
      note: `from handing in to the answer, ${devices} devices at once`,
    },
    {
      name: 'commit-rate.coordinator-cpu',
      value: cpuNs / n / 1e6,
      unit: 'ms',
      n,
      note: 'processor time for each result, its lease included',
    },
  ];
}
