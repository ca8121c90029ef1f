import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { Environment } from '@qfleet/shared/result/job-result.ts';

/**
 * `temperature.max` (milliC) over the moments between the probes, and `frequency.reported` (Hz), the last that the
 * kernel reported: just after load, and the kernel's word for it, hence derived.
 */
export function environmentReadings(environments: readonly Environment[]): Reading[] {
  const temperatures = environments.flatMap((environment) => environment.temperatureMilliC ?? []);
  const frequencyHz = environments.at(-1)?.frequencyHz;
  return [temperatureReading(temperatures), frequencyReading(frequencyHz)];
}

/** The same readings where they would be another machine's. */
export function missingEnvironmentReadings(reason: string): Reading[] {
  return [unavailable('temperature.max', 'milliC', reason), unavailable('frequency.reported', 'Hz', reason)];
}

function temperatureReading(temperatures: readonly number[]): Reading {
  const quantity = 'temperature.max';
  if (temperatures.length === 0)
    return unavailable(quantity, 'milliC', 'not-present: no sensor of the processor');
  return {
    quantity,
    status: 'measured',
    value: Math.max(...temperatures),
    unit: 'milliC',
    method: 'sysfs thermal/1',
    n: temperatures.length,
  };
}

function frequencyReading(frequencyHz: number | undefined): Reading {
  const quantity = 'frequency.reported';
  if (frequencyHz === undefined)
    return unavailable(quantity, 'Hz', 'not-present: no cpufreq, as in most virtual machines');
  return { quantity, status: 'derived', value: frequencyHz, unit: 'Hz', method: 'reported:cpufreq' };
}
