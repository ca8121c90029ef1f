import { readText } from '../inventory/read-text.ts';

/**
 * Time for which the control group's processor quota held our processes back since it was made, µs: to be
 * differenced. `throttled_usec` of cgroup v2, `throttled_time` (ns) of v1; undefined where no quota is kept count of.
 */
export async function readQuotaThrottling(root: string): Promise<number | undefined> {
  const group = /^0::(\/.*)$/m.exec((await readText(root, 'proc/self/cgroup')) ?? '')?.[1] ?? '/';
  for (const folder of [`sys/fs/cgroup${group === '/' ? '' : group}`, 'sys/fs/cgroup']) {
    const found = /^throttled_usec (\d+)$/m.exec((await readText(root, `${folder}/cpu.stat`)) ?? '')?.[1];
    if (found !== undefined) return Number(found);
  }
  const v1 = /^throttled_time (\d+)$/m.exec((await readText(root, 'sys/fs/cgroup/cpu/cpu.stat')) ?? '')?.[1];
  return v1 === undefined ? undefined : Number(v1) / 1000;
}
