import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mean } from '@qfleet/shared/statistics/mean.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { buildDoubling } from '../../agent/src/testing/build-onnx.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { holdHost } from './hold-host.ts';
import { launchQfleet } from './launch-qfleet.ts';

const samples = 50_000;

/** What the harness itself costs: launches of the backend that does nothing. */
export const noopCost: Benchmark = {
  id: 'noop-cost',
  title: "the harness's own cost, with a backend that does nothing",
  run: measureNoop,
};

async function measureNoop(context: BenchContext): Promise<Figure[]> {
  const variantPath = join(context.folder, 'noop.onnx');
  await writeFile(variantPath, buildDoubling(['N', 4]));
  await using _lock = await holdHost(context);
  const launches: NoopLaunch[] = [];
  for (let round = 0; round < context.rounds; round++) {
    context.progress(`launch ${round + 1} of ${context.rounds}`);
    launches.push(await timeLaunch(variantPath, context.signal));
  }
  const over = (pick: (launch: NoopLaunch) => number): number => median(launches.map(pick));
  const n = launches.length;
  return [
    {
      name: 'noop-cost.inside-sample',
      value: over((launch) => median(launch.timedNs)) / 1e3,
      unit: 'µs',
      n,
      note: 'p50 of a sample in which nothing is inferred: what every latency has too much',
    },
    {
      name: 'noop-cost.between-samples',
      value: over((launch) => launch.timedWallNs / launch.timedNs.length - mean(launch.timedNs)) / 1e3,
      unit: 'µs',
      n,
      note: 'from the end of one sample to the start of the next, on average',
    },
    {
      name: 'noop-cost.process-start',
      value: over((launch) => launch.spawnNs) / 1e6,
      unit: 'ms',
      n,
      note: 'from the start of a runner until it takes orders',
    },
    {
      name: 'noop-cost.launch',
      value: over((launch) => launch.wholeNs - launch.timedWallNs) / 1e6,
      unit: 'ms',
      n,
      note: 'a whole launch, its timed section taken off',
    },
  ];
}

type NoopLaunch = Awaited<ReturnType<typeof launchQfleet>> & { readonly wholeNs: number };

async function timeLaunch(variantPath: string, signal: AbortSignal): Promise<NoopLaunch> {
  const start = process.hrtime.bigint();
  const order = { backend: 'noop', variantPath, threads: 1, minSamples: samples };
  const launch = await launchQfleet(order, signal);
  return { ...launch, wholeNs: Number(process.hrtime.bigint() - start) };
}
