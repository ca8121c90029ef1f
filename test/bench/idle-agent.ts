import { setTimeout as sleep } from 'node:timers/promises';
import { Lab } from '../support/lab.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { readProcessCpuNs } from './process-cpu.ts';
import { readProcessMemory } from './process-memory.ts';

/** After the connection: probing of backends is over, the heap has settled. */
const settleMs = 30_000;
/** Two heartbeats fall into it. */
const watchMs = 30_000;
const megabyte = 1e6;

/** An agent that is connected and has nothing to do. */
export const idleAgent: Benchmark = {
  id: 'idle-agent',
  title: 'memory and processor time of an agent that is connected and idle',
  run: measureIdle,
};

async function measureIdle({ progress, signal }: BenchContext): Promise<Figure[]> {
  await using lab = new Lab();
  await lab.startCoordinator();
  const { child } = await lab.startAgent('idle');
  const pid = child.pid ?? 0;
  progress(`settling for ${settleMs / 1e3} s`);
  await sleep(settleMs, undefined, { signal });
  progress(`watching for ${watchMs / 1e3} s`);
  const before = await readProcessCpuNs(pid);
  const start = process.hrtime.bigint();
  await sleep(watchMs, undefined, { signal });
  const cpuNs = (await readProcessCpuNs(pid)) - before;
  const wallNs = Number(process.hrtime.bigint() - start);
  const { rssBytes, pssBytes, rssAnonBytes } = await readProcessMemory(pid);
  return [
    { name: 'idle-agent.rss', value: rssBytes / megabyte, unit: 'MB' },
    ...(pssBytes === undefined
      ? []
      : [
          {
            name: 'idle-agent.pss',
            value: pssBytes / megabyte,
            unit: 'MB',
            note: 'pages of Node shared with the other processes of this run',
          },
        ]),
    { name: 'idle-agent.rss-anon', value: rssAnonBytes / megabyte, unit: 'MB' },
    { name: 'idle-agent.cpu', value: (100 * cpuNs) / wallNs, unit: '%', note: 'of one processor' },
  ];
}
