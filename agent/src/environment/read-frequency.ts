import { listNames, readNumber, readText } from '../inventory/read-text.ts';

/** The processors' frequency as the kernel reports it. */
export interface FrequencyFacts {
  /** `performance`, or `ondemand, performance` where clusters differ. */
  readonly governor?: string;
  /** Of the fastest cluster at this moment, Hz. */
  readonly frequencyHz?: number;
}

/**
 * Reads every cpufreq policy (one per cluster), or cpu0's where the kernel has no policies (before 4.3).
 * Absent in most virtual machines. The kernel's figure is not the truth everywhere: a Raspberry Pi's firmware
 * was seen at 1,200 MHz where it said 1,570. /proc/cpuinfo's `cpu MHz` is not used: in a virtual machine it is
 * the nominal one.
 */
export async function readFrequency(root: string): Promise<FrequencyFacts> {
  const policies = await listNames(root, `${cpuFolder}/cpufreq`, /^policy\d+$/);
  const folders =
    policies.length > 0
      ? policies.map((name) => `${cpuFolder}/cpufreq/${name}`)
      : [`${cpuFolder}/cpu0/cpufreq`];
  const governors = await Promise.all(folders.map((folder) => readText(root, `${folder}/scaling_governor`)));
  const frequenciesKhz = await Promise.all(
    folders.map((folder) => readNumber(root, `${folder}/scaling_cur_freq`)),
  );
  const governor = [...new Set(governors.filter((name) => name !== undefined))].sort().join(', ');
  const fastestKhz = Math.max(0, ...frequenciesKhz.filter((khz) => khz !== undefined));
  return {
    ...(governor !== '' && { governor }),
    ...(fastestKhz > 0 && { frequencyHz: fastestKhz * 1000 }),
  };
}

const cpuFolder = 'sys/devices/system/cpu';
