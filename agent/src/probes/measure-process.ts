import { readText } from '../inventory/read-text.ts';
import type { ProcessOutcome } from './probe-task.ts';

/** What the system tells a process of its own memory and time here; the probe's child stands for a launch's. */
export async function measureProcess(): Promise<ProcessOutcome> {
  const status = await readText('/', 'proc/self/status');
  const rollup = await readText('/', 'proc/self/smaps_rollup');
  return { kind: 'process', resources: process.resourceUsage(), ...pickMemory(status, rollup) };
}

/** The lines that matter of /proc/PID/status and /proc/PID/smaps_rollup, bytes. */
export function pickMemory(
  status: string | undefined,
  rollup: string | undefined,
): Pick<ProcessOutcome, 'peakBytes' | 'anonymousBytes' | 'proportionalBytes'> {
  const peakBytes = lineBytes(status, 'VmHWM');
  const anonymousBytes = lineBytes(status, 'RssAnon');
  const proportionalBytes = lineBytes(rollup, 'Pss');
  return {
    ...(peakBytes !== undefined && { peakBytes }),
    ...(anonymousBytes !== undefined && { anonymousBytes }),
    ...(proportionalBytes !== undefined && { proportionalBytes }),
  };
}

function lineBytes(text: string | undefined, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text ?? '');
  return match ? Number(match[1]) * 1024 : undefined;
}
