import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BenchContext, Benchmark } from '../benchmark.ts';
import type { Figure } from '../figure.ts';
import { readProcessCpuNs } from '../process-cpu.ts';
import { readProcessMemory } from '../process-memory.ts';
import type { FleetReady, FleetRun } from './fleet-coordinator.ts';

const coordinatorPath = fileURLToPath(new URL('./fleet-coordinator.ts', import.meta.url));
const generatorPath = fileURLToPath(new URL('./fleet-generator.ts', import.meta.url));

/** Between two questions for health. */
const healthPauseMs = 50;
const floodMs = 15_000;
const megabyte = 1e6;

/** A large fleet over the real protocol, generated on the same processors: it connects, runs a job each, and one of it floods. */
export const largeFleet: Benchmark = {
  id: 'large-fleet',
  title: 'many agents over the real protocol: connection, a run of one job each, heartbeats without a pause',
  run: measureFleet,
};

async function measureFleet({ folder, devices, seed, progress, signal }: BenchContext): Promise<Figure[]> {
  progress(`${devices} devices: certificates`);
  await using coordinator = startChild(coordinatorPath, { folder, devices });
  const { ready } = (await coordinator.next()) as { ready: FleetReady };
  using health = watchHealth(ready.url);

  progress('they connect');
  await using generator = startChild(generatorPath, {
    address: ready.address,
    identitiesPath: join(folder, 'identities.json'),
    seed,
  });
  const connecting = performance.now();
  await generator.next();
  const connectS = (performance.now() - connecting) / 1e3;
  const connectHealthMs = health.takeSlowestMs();
  const memory = await readProcessMemory(coordinator.pid);

  progress('a run of one job each');
  const cpuNs = await readProcessCpuNs(coordinator.pid);
  const running = performance.now();
  coordinator.send('run');
  const { run } = (await coordinator.next()) as { run: FleetRun };
  const runS = (performance.now() - running) / 1e3;
  const runCpuNs = (await readProcessCpuNs(coordinator.pid)) - cpuNs;
  const runHealthMs = health.takeSlowestMs();

  progress(`one device sends heartbeats without a pause for ${floodMs / 1e3} s`);
  generator.send('flood');
  await sleep(floodMs, undefined, { signal });
  generator.send('stop-flood');
  const floodHealthMs = health.takeSlowestMs();
  generator.send('count');
  const { lostSessions } = (await generator.next()) as { lostSessions: number };

  const slow = (what: string, value: number): Figure => ({
    name: `large-fleet.${what}-health-slowest`,
    value,
    unit: 'ms',
    goal: { is: 'at most', limit: 1000 },
    note: `of GET /v1/health, asked every ${healthPauseMs} ms`,
  });
  return [
    { name: 'large-fleet.connect', value: connectS, unit: 's', n: devices },
    slow('connect', connectHealthMs),
    {
      name: 'large-fleet.memory-per-session',
      value: memory.rssBytes / 1e3 / devices,
      unit: 'kB',
      n: devices,
    },
    { name: 'large-fleet.run', value: runS, unit: 's', n: devices, note: `it ended ${run.state}` },
    { name: 'large-fleet.run-rate', value: run.completed / runS, unit: '1/s', n: devices },
    {
      name: 'large-fleet.first-attempt',
      value: (100 * run.onFirstAttempt) / devices,
      unit: '%',
      n: devices,
      goal: { is: 'at least', limit: 100 },
      note: 'jobs completed by their first attempt',
    },
    { name: 'large-fleet.cpu-per-job', value: runCpuNs / devices / 1e6, unit: 'ms', n: devices },
    slow('run', runHealthMs),
    slow('flood', floodHealthMs),
    {
      name: 'large-fleet.sessions-lost',
      value: lostSessions,
      unit: 'count',
      n: devices,
      goal: { is: 'at most', limit: 0 },
    },
    {
      name: 'large-fleet.memory',
      value: memory.rssBytes / megabyte,
      unit: 'MB',
      note: 'when all were connected',
    },
  ];
}

interface Child extends AsyncDisposable {
  readonly pid: number;
  send(message: string): void;
  /** The next message that it sends; rejects where it ends first. */
  next(): Promise<unknown>;
}

function startChild(path: string, order: object): Child {
  const child: ChildProcess = fork(path, [], { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
  const exited = once(child, 'exit');
  child.send(order);
  return {
    pid: child.pid ?? 0,
    send: (message) => void child.send(message),
    next: async () => {
      const ended = exited.then(([code]) => Promise.reject(new Error(`${path} ended with ${code}.`)));
      const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
      return message;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Asks for health again and again, one question at a time. */
function watchHealth(url: string): Disposable & { takeSlowestMs(): number } {
  let slowestMs = 0;
  let askedAtMs = performance.now();
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      askedAtMs = performance.now();
      await fetch(`${url}/v1/health`).then((answer) => answer.text());
      slowestMs = Math.max(slowestMs, performance.now() - askedAtMs);
      await sleep(healthPauseMs);
    }
  };
  watch().catch(() => {
    slowestMs = Number.POSITIVE_INFINITY;
  });
  return {
    takeSlowestMs: () => {
      // The one that is still to be answered counts as well.
      const taken = Math.max(slowestMs, performance.now() - askedAtMs - healthPauseMs);
      slowestMs = 0;
      return taken;
    },
    [Symbol.dispose]: () => {
      isOver = true;
    },
  };
}
