import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';
import { readEmc } from '../meters/emc.ts';
import { findMeters } from '../meters/find-meters.ts';
import type { PowerMeter } from '../meters/power-meter.ts';
import { type PowerUse, PowerWatch, readIdlePower } from '../meters/power-watch.ts';
import { readResctrlBytes } from '../meters/resctrl.ts';
import type { PoolSource, VariantRequest } from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';
import { toFailure } from './job-failure.ts';
import { type StageLimitOptions, stageLimits } from './stage-limits.ts';

export interface CountedVariant {
  readonly digest: string;
  readonly name: string;
  readonly request: VariantRequest;
}

export interface CounterLaunchOptions {
  readonly context: JobContext;
  readonly variants: readonly CountedVariant[];
  readonly inputs: PoolSource;
  readonly affinity: readonly number[];
  readonly maxWarmupSamples: number;
  readonly limits: StageLimitOptions;
  /** Progress of the job while they run, 0…1. */
  readonly fraction: number;
}

/**
 * One launch per variant under counters, in a process of its own: its latencies are nobody's headline, for counters
 * and meters cost time. A launch that fails says so and does not stop the others.
 */
export async function runCounterLaunches(options: CounterLaunchOptions): Promise<CounterLaunch[]> {
  const { context, variants, fraction } = options;
  const launches: CounterLaunch[] = [];
  for (const variant of variants) {
    context.onProgress(`counting ${variant.name}`, fraction);
    launches.push(await countOne(variant, options));
  }
  return launches;
}

/** Enough inferences that what happens once is nothing beside them … */
const minInferences = 20;
/** … and enough time for power meters, which are read ten times a second. */
const minDurationMs = 2000;
const maxDurationMs = 20_000;

async function countOne(variant: CountedVariant, options: CounterLaunchOptions): Promise<CounterLaunch> {
  const { context, inputs, affinity, maxWarmupSamples } = options;
  const meters = await listMeters();
  const base = { variantDigest: variant.digest };
  try {
    // With nothing running yet: what the device takes anyway.
    const idle = meters.length > 0 ? await readIdlePower(meters) : new Map<string, number>();
    await using runner = await context.startRunner(affinity);
    await using watch = new PowerWatch(meters);
    const traffic = new TrafficWatch();
    const ended = {
      power: Promise.resolve<PowerUse[]>([]),
      traffic: Promise.resolve<Pick<CounterLaunch, 'memoryTraffic'>>({}),
    };
    const onProgress = (done: number): void => {
      if (done < 1) {
        watch.start();
        traffic.start();
        return;
      }
      ended.power = watch.stop();
      ended.traffic = traffic.stop();
    };
    const counts = await runner.request(
      {
        ...variant.request,
        kind: 'count',
        inputs,
        minInferences,
        minDurationMs,
        maxDurationMs,
        maxWarmupSamples,
      },
      { limits: stageLimits(options.limits, maxDurationMs), onProgress },
    );
    const power = (await ended.power).map((use) => withIdle(use, idle.get(use.source)));
    return { ...base, ...counts, power, ...(await ended.traffic) };
  } catch (thrown) {
    context.signal.throwIfAborted();
    return { ...base, power: [], events: [], failure: toFailure(thrown) };
  }
}

async function listMeters(): Promise<readonly PowerMeter[]> {
  const found = await findMeters();
  return 'reason' in found ? [] : found;
}

function withIdle(use: PowerUse, idleW: number | undefined): PowerUse {
  return idleW === undefined ? use : { ...use, idleW };
}

/** What the memory controllers tell of the time between start and stop. */
class TrafficWatch {
  #began: { readonly atMs: number; readonly bytes: Promise<number | undefined> } | undefined;

  /** The first call counts. */
  start(): void {
    this.#began ??= { atMs: performance.now(), bytes: readResctrlBytes('/') };
  }

  async stop(): Promise<Pick<CounterLaunch, 'memoryTraffic'>> {
    const atMs = performance.now();
    // An average over the last moments: to be read at once.
    const [emc, after, before] = await Promise.all([readEmc('/'), readResctrlBytes('/'), this.#began?.bytes]);
    const elapsedMs = atMs - (this.#began?.atMs ?? atMs);
    const counted = before !== undefined && after !== undefined && after >= before && elapsedMs > 0;
    const memoryTraffic = [
      ...('reason' in emc ? [] : [{ source: 'tegra-emc', ...emc }]),
      ...(counted ? [{ source: 'resctrl-mbm', bytesPerSec: ((after - before) * 1000) / elapsedMs }] : []),
    ];
    return memoryTraffic.length > 0 ? { memoryTraffic } : {};
  }
}
