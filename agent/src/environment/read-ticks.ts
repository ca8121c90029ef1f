import { readText } from '../inventory/read-text.ts';

/** Processor time since boot over all processors, in ticks of 10 ms: to be differenced. */
export interface Ticks {
  readonly stealTicks?: number;
  readonly busyTicks?: number;
}

/**
 * The first line of /proc/stat: `cpu user nice system idle iowait irq softirq steal guest guest_nice`. Busy is
 * user + nice + system + irq + softirq; guests are in user already, and stolen time is somebody else's. Kernels
 * before 2.6.11 have no steal: it is absent then.
 */
export async function readTicks(root: string): Promise<Ticks> {
  const match = /^cpu +((?:\d+ ?)+)/.exec((await readText(root, 'proc/stat')) ?? '');
  if (!match?.[1]) return {};
  const [user, nice, system, , , irq, softirq, steal] = match[1].trim().split(/ +/).map(Number);
  if (user === undefined || nice === undefined || system === undefined) return {};
  const busyTicks = user + nice + system + (irq ?? 0) + (softirq ?? 0);
  return { busyTicks, ...(steal !== undefined && { stealTicks: steal }) };
}
