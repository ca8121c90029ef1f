import type { Environment } from '@qfleet/shared/result/job-result.ts';
import { readMemory } from '../inventory/read-memory.ts';
import { readText } from '../inventory/read-text.ts';
import { readFrequency } from './read-frequency.ts';
import { readPowerMode } from './read-power-mode.ts';
import { readPressure } from './read-pressure.ts';
import { readQuotaThrottling } from './read-quota-throttling.ts';
import { readTemperature } from './read-temperature.ts';
import { readThrottledBits } from './read-throttled-bits.ts';
import { readTicks } from './read-ticks.ts';

export interface EnvironmentOptions {
  /** Start no process whatever is lost by it: something is being timed. */
  readonly isQuiet?: boolean;
}

/**
 * The state of the device now, from files under `root`; what is not to be had is absent, never 0. Takes a
 * millisecond or two and starts no process, except `vcgencmd` on Raspberry Pis whose kernel does not show the
 * throttle bits, and `nvpmodel` on Jetsons, unless it has to be quiet. `freeMemoryBytes` is what can be had without
 * swapping.
 */
export async function readEnvironment(root = '/', options: EnvironmentOptions = {}): Promise<Environment> {
  const [
    frequency,
    temperatureMilliC,
    throttledBits,
    load1,
    memory,
    ticks,
    pressureUs,
    quotaThrottledUs,
    powerMode,
  ] = await Promise.all([
    readFrequency(root),
    readTemperature(root),
    readThrottledBits(root, options),
    readLoad(root),
    readMemory(root),
    readTicks(root),
    readPressure(root),
    readQuotaThrottling(root),
    options.isQuiet ? undefined : readPowerMode(root),
  ]);
  return {
    atUnixMs: Date.now(),
    monotonicMs: Number(process.hrtime.bigint()) / 1e6,
    ...frequency,
    ...(temperatureMilliC !== undefined && { temperatureMilliC }),
    ...(throttledBits !== undefined && { throttledBits }),
    ...(load1 !== undefined && { load1 }),
    freeMemoryBytes: memory.availableBytes,
    ...ticks,
    ...(pressureUs !== undefined && { pressureUs }),
    ...(quotaThrottledUs !== undefined && { quotaThrottledUs }),
    ...(powerMode !== undefined && { powerMode }),
  };
}

async function readLoad(root: string): Promise<number | undefined> {
  const first = (await readText(root, 'proc/loadavg'))?.split(' ')[0];
  return first !== undefined && /^\d+\.\d+$/.test(first) ? Number(first) : undefined;
}
