import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { Environment } from '@qfleet/shared/result/job-result.ts';
import { elapsedBetween } from '@qfleet/shared/verdict/elapsed-between.ts';

/**
 * What the device was like around and between the probes, environments in the order of time, two at least:
 * `temperature.max` (milliC); `frequency.reported` (Hz), the last that the kernel reported: just after load, and the
 * kernel's word for it, hence derived; `throttle.bits`, a Raspberry Pi's, all that were seen; `load.before`, the load
 * average over the minute before; `steal.share`, of all processors' time what the hypervisor gave to others;
 * `pressure.share`, of the time that in which some task waited for a processor, the probe's own threads among them.
 */
export function environmentReadings(environments: readonly Environment[], processors: number): Reading[] {
  const [first, last] = [environments[0], environments.at(-1)];
  return sources.map(({ quantity, unit, status, method, absent, pick }) => {
    const value = first && last && pick({ environments, first, last, processors });
    if (value === undefined) return { ...unavailable(quantity, unit, absent), method };
    return { quantity, status, value, unit, method };
  });
}

/** The same readings where they would be another machine's. */
export function missingEnvironmentReadings(reason: string): Reading[] {
  return sources.map(({ quantity, unit, method }) => ({ ...unavailable(quantity, unit, reason), method }));
}

interface Surroundings {
  readonly environments: readonly Environment[];
  readonly first: Environment;
  readonly last: Environment;
  readonly processors: number;
}

interface Source {
  readonly quantity: string;
  readonly unit: string;
  readonly status: 'measured' | 'derived';
  readonly method: string;
  readonly absent: string;
  readonly pick: (surroundings: Surroundings) => number | undefined;
}

const sources: readonly Source[] = [
  {
    quantity: 'temperature.max',
    unit: 'milliC',
    status: 'measured',
    method: 'sysfs thermal/1',
    absent: 'not-present: no sensor of the processor',
    pick: ({ environments }) => {
      const temperatures = environments.flatMap((environment) => environment.temperatureMilliC ?? []);
      return temperatures.length > 0 ? Math.max(...temperatures) : undefined;
    },
  },
  {
    quantity: 'frequency.reported',
    unit: 'Hz',
    status: 'derived',
    method: 'reported:cpufreq',
    absent: 'not-present: no cpufreq, as in most virtual machines',
    pick: ({ last }) => last.frequencyHz,
  },
  {
    quantity: 'throttle.bits',
    unit: '1',
    status: 'measured',
    method: 'get_throttled/1',
    absent: 'not-present: only the firmware of a Raspberry Pi tells them',
    pick: ({ environments }) => {
      const bits = environments.flatMap((environment) => environment.throttledBits ?? []);
      return bits.length > 0 ? bits.reduce((all, seen) => all | seen, 0) : undefined;
    },
  },
  {
    quantity: 'load.before',
    unit: '1',
    status: 'measured',
    method: '/proc/loadavg, 1 min',
    absent: 'not-present: no /proc/loadavg',
    pick: ({ first }) => first.load1,
  },
  {
    quantity: 'steal.share',
    unit: '1',
    status: 'derived',
    method: '/proc/stat steal over time × processors/1',
    absent: 'not-present: /proc/stat tells no stolen time',
    pick: ({ first, last, processors }) => shareOf(first, last, stolenMs(first, last), processors),
  },
  {
    quantity: 'pressure.share',
    unit: '1',
    status: 'derived',
    method: '/proc/pressure/cpu some over time/1',
    absent: 'not-present: no /proc/pressure/cpu (Linux before 4.20, or switched off)',
    pick: ({ first, last }) => shareOf(first, last, waitedMs(first, last), 1),
  },
];

/** Ticks are 10 ms. */
function stolenMs(first: Environment, last: Environment): number | undefined {
  if (first.stealTicks === undefined || last.stealTicks === undefined) return undefined;
  return (last.stealTicks - first.stealTicks) * 10;
}

function waitedMs(first: Environment, last: Environment): number | undefined {
  if (first.pressureUs === undefined || last.pressureUs === undefined) return undefined;
  return (last.pressureUs - first.pressureUs) / 1000;
}

function shareOf(
  first: Environment,
  last: Environment,
  partMs: number | undefined,
  processors: number,
): number | undefined {
  const wholeMs = elapsedBetween(first, last) * processors;
  return partMs === undefined || wholeMs <= 0 ? undefined : Math.max(0, partMs) / wholeMs;
}
