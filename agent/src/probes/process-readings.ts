import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { ProcessOutcome } from './probe-task.ts';

/**
 * Whether this device tells of a process what a launch reports, with the probe's own child as the process:
 * `process.memory.peak|anonymous|pss` (B), `process.cpu-time` (ns), page faults and context switches (1).
 */
export function processReadings(outcome: ProcessOutcome): Reading[] {
  return sources.map(({ quantity, unit, method, pick, absent }) => {
    const value = pick(outcome);
    if (value === undefined) return { ...unavailable(quantity, unit, absent), method };
    return { quantity, status: 'measured', value, unit, method, n: 1 };
  });
}

/** The same readings where there was no outcome, with the reason. */
export function missingProcessReadings(reason: string): Reading[] {
  return sources.map(({ quantity, unit, method }) => ({ ...unavailable(quantity, unit, reason), method }));
}

interface Source {
  readonly quantity: string;
  readonly unit: string;
  readonly method: string;
  readonly pick: (outcome: ProcessOutcome) => number | undefined;
  readonly absent: string;
}

const usage = (quantity: string, pick: Source['pick'], unit = '1'): Source => ({
  quantity,
  unit,
  method: 'getrusage',
  pick,
  absent: 'not-present',
});

const sources: readonly Source[] = [
  {
    quantity: 'process.memory.peak',
    unit: 'B',
    method: '/proc/self/status VmHWM',
    pick: ({ peakBytes }) => peakBytes,
    absent: 'not-present: the kernel prints no VmHWM',
  },
  {
    quantity: 'process.memory.anonymous',
    unit: 'B',
    method: '/proc/self/status RssAnon',
    pick: ({ anonymousBytes }) => anonymousBytes,
    absent: 'kernel-too-old: RssAnon exists since Linux 4.5',
  },
  {
    quantity: 'process.memory.pss',
    unit: 'B',
    method: '/proc/self/smaps_rollup Pss',
    pick: ({ proportionalBytes }) => proportionalBytes,
    absent: 'kernel-too-old: smaps_rollup exists since Linux 4.14, and may be closed in a container',
  },
  usage(
    'process.cpu-time',
    ({ resources }) => 1000 * (resources.userCPUTime + resources.systemCPUTime),
    'ns',
  ),
  usage('process.faults.minor', ({ resources }) => resources.minorPageFault),
  usage('process.faults.major', ({ resources }) => resources.majorPageFault),
  usage('process.switches.voluntary', ({ resources }) => resources.voluntaryContextSwitches),
  usage('process.switches.involuntary', ({ resources }) => resources.involuntaryContextSwitches),
];
