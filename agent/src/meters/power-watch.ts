import { setTimeout as sleep } from 'node:timers/promises';
import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';
import type { MeterSample, PowerMeter } from './power-meter.ts';

export type PowerUse = CounterLaunch['power'][number];

/** Jetsons' meters give a new value ten times a second at most. */
const intervalMs = 100;

/** Reads meters ten times a second from `start` to `stop`. */
export class PowerWatch implements AsyncDisposable {
  readonly #meters: readonly PowerMeter[];
  readonly #logs: MeterLog[];
  #isWatching = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(meters: readonly PowerMeter[]) {
    this.#meters = meters;
    this.#logs = meters.map((meter) => new MeterLog(meter));
  }

  start(): void {
    this.#isWatching = true;
    this.#loop = this.#watch();
  }

  /** One entry per meter: what it showed since `start`. */
  async stop(): Promise<PowerUse[]> {
    this.#isWatching = false;
    await this.#loop;
    return this.#logs.map((log) => log.summarise());
  }

  /** Ends the reading where what was watched has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #watch(): Promise<void> {
    if (this.#meters.length === 0) return;
    do {
      await Promise.all(this.#logs.map((log) => log.read()));
      await sleep(intervalMs);
    } while (this.#isWatching);
    await Promise.all(this.#logs.map((log) => log.read()));
  }
}

/** Mean power of all meters over a while in which nothing is asked of the device. */
export async function readIdlePower(
  meters: readonly PowerMeter[],
  durationMs = 1000,
): Promise<ReadonlyMap<string, number>> {
  const watch = new PowerWatch(meters);
  watch.start();
  await sleep(durationMs);
  const idle = new Map<string, number>();
  for (const { source, meanW } of await watch.stop()) if (meanW !== undefined) idle.set(source, meanW);
  return idle;
}

/** What one meter showed. */
export class MeterLog {
  readonly #meter: PowerMeter;
  readonly #seen: { readonly atNs: number; readonly sample: MeterSample }[] = [];
  #failure: string | undefined;

  constructor(meter: PowerMeter) {
    this.#meter = meter;
  }

  async read(): Promise<void> {
    try {
      this.add(await this.#meter.read(), Number(process.hrtime.bigint()));
    } catch (thrown) {
      this.#failure = `failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
  }

  add(sample: MeterSample, atNs: number): void {
    this.#seen.push({ sample, atNs });
  }

  /** Mean power, weighted by time; energy only of a meter that counts it, its counter's restarts allowed for. */
  summarise(): PowerUse {
    const { source } = this.#meter;
    const seen = this.#seen;
    const [first, last] = [seen[0], seen.at(-1)];
    const common = { source, samples: seen.length };
    if (!first || !last || seen.length < 2) {
      return { ...common, reason: this.#failure ?? 'n-too-small: fewer than two samples of the meter' };
    }
    const seconds = (last.atNs - first.atNs) / 1e9;
    if ('joules' in first.sample) {
      const energyJ = this.#sumSteps((a, b) => this.#energyBetween(a.sample, b.sample));
      return { ...common, energyJ, meanW: energyJ / seconds };
    }
    const wattSeconds = this.#sumSteps(
      (a, b) => (((wattsOf(a.sample) + wattsOf(b.sample)) / 2) * (b.atNs - a.atNs)) / 1e9,
    );
    return { ...common, meanW: wattSeconds / seconds };
  }

  #sumSteps(of: (a: MeterLogEntry, b: MeterLogEntry) => number): number {
    return this.#seen.slice(1).reduce((sum, entry, index) => sum + of(this.#seen[index]!, entry), 0);
  }

  #energyBetween(a: MeterSample, b: MeterSample): number {
    if (!('joules' in a && 'joules' in b)) return 0;
    const step = b.joules - a.joules;
    return step >= 0 ? step : step + (this.#meter.wrapJoules ?? 0);
  }
}

type MeterLogEntry = { readonly atNs: number; readonly sample: MeterSample };

function wattsOf(sample: MeterSample): number {
  return 'watts' in sample ? sample.watts : 0;
}
