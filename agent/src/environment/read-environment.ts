import type { Environment } from '@qfleet/shared/result/job-result.ts';
import { readMemory } from '../inventory/read-memory.ts';
import { readText } from '../inventory/read-text.ts';
import { readFrequency } from './read-frequency.ts';
import { readTemperature } from './read-temperature.ts';
import { readThrottledBits } from './read-throttled-bits.ts';
import { readTicks } from './read-ticks.ts';

/**
 * The state of the device now, from files under `root`; what is not to be had is absent, never 0. Takes a
 * millisecond or two and starts no process, except `vcgencmd` on Raspberry Pis whose kernel does not show the
 * throttle bits. `freeMemoryBytes` is what can be had without swapping.
 */
export async function readEnvironment(root = '/'): Promise<Environment> {
  const [frequency, temperatureMilliC, throttledBits, load1, memory, ticks] = await Promise.all([
    readFrequency(root),
    readTemperature(root),
    readThrottledBits(root),
    readLoad(root),
    readMemory(root),
    readTicks(root),
  ]);
  return {
    atUnixMs: Date.now(),
    ...frequency,
    ...(temperatureMilliC !== undefined && { temperatureMilliC }),
    ...(throttledBits !== undefined && { throttledBits }),
    ...(load1 !== undefined && { load1 }),
    freeMemoryBytes: memory.availableBytes,
    ...ticks,
  };
}

async function readLoad(root: string): Promise<number | undefined> {
  const first = (await readText(root, 'proc/loadavg'))?.split(' ')[0];
  return first !== undefined && /^\d+\.\d+$/.test(first) ? Number(first) : undefined;
}
