import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import type { EventChoice } from './choose-events.ts';
import { generic } from './cores/generic.ts';
import { type CounterEvent, eventLabel } from './counter-event.ts';
import { encodeAttr } from './encode-attr.ts';
import { explainErrno } from './explain-errno.ts';
import type { PerfAccess } from './load-perf-syscalls.ts';
import type { CounterValue, PerfSyscalls } from './perf-syscalls.ts';
import { isKernelEvent, softwareEvents } from './software-events.ts';

/** Open counters; disposing closes them. */
export interface Counters extends Disposable {
  /**
   * Runs something and counts meanwhile, over this thread and all that it started since the counters were opened. Of
   * every event either what it counted or why it did not.
   */
  during<T>(run: () => Promise<T>): Promise<{ readonly answer: T; readonly events: EventCount[] }>;
}

export interface OpenOptions {
  readonly choice: EventChoice;
  readonly access: PerfAccess;
  /** Content of /proc/sys/kernel/perf_event_paranoid. */
  readonly paranoid: number | undefined;
}

/**
 * Opens the chosen events and the kernel's software events, each on a file descriptor of its own: read as groups,
 * inherited counters have been wrong (CVE-2023-5717). To be called before the threads start that are to be counted. The
 * kernel's part is counted too where that is allowed, else user space alone.
 */
export function openCounters(options: OpenOptions): Counters {
  const { syscalls } = options.access;
  const slots = openAll(options);
  return {
    during: async (run) => {
      const before = syscalls ? slots.map((slot) => readSlot(slot, syscalls)) : [];
      for (const { fd } of slots.flatMap(({ opened }) => opened)) syscalls?.enable(fd);
      const answer = await run();
      for (const { fd } of slots.flatMap(({ opened }) => opened)) syscalls?.disable(fd);
      const after = syscalls ? slots.map((slot) => readSlot(slot, syscalls)) : [];
      const events = slots.map((slot, i) => countOf(slot, before[i] ?? [], after[i] ?? []));
      return { answer, events };
    },
    [Symbol.dispose]: () => {
      for (const { fd } of slots.flatMap(({ opened }) => opened)) syscalls?.close(fd);
    },
  };
}

/** One name: an event on the unit of every kind of core. */
interface Slot {
  readonly name: string;
  readonly label: string;
  readonly opened: readonly OpenCounter[];
  readonly reason?: string;
}

interface OpenCounter {
  readonly fd: number;
  readonly isUserOnly: boolean;
}

interface Target {
  readonly event: CounterEvent;
  readonly pmuType?: number;
}

function openAll({ choice, access, paranoid }: OpenOptions): Slot[] {
  let hasPmu = false;
  const openSlot = (targets: readonly Target[]): Slot => {
    const { event } = targets[0]!;
    const slot = { name: event.name, label: labelOf(targets) };
    if (!access.syscalls) return { ...slot, opened: [], reason: access.reason };
    const opened = targets.map((target) => openOne(target, access.syscalls));
    const counters = opened.filter((each) => 'fd' in each);
    const failed = opened.find((each) => 'errno' in each);
    if (!failed) {
      hasPmu ||= event.kind !== 'software';
      return { ...slot, opened: counters };
    }
    for (const { fd } of counters) access.syscalls.close(fd);
    const neededParanoid = isKernelEvent(event) ? 1 : 2;
    return { ...slot, opened: [], reason: explainErrno(failed.errno, { paranoid, neededParanoid, hasPmu }) };
  };
  const hardware =
    choice.reason === undefined ? targetsOf(choice).map(openSlot) : refusedSlots(choice.reason);
  return [...hardware, ...softwareEvents.map((event) => openSlot([{ event }]))];
}

/** Where no event could be chosen, what every processor should have says why. */
function refusedSlots(reason: string): Slot[] {
  return generic.events.map((event) => ({ name: event.name, label: eventLabel(event), opened: [], reason }));
}

function targetsOf({ cores }: EventChoice): Target[][] {
  const isHybrid = cores.length > 1;
  return (cores[0]?.events ?? []).map(({ name }) =>
    cores.flatMap(({ pmu, events }) => {
      const event = events.find((each) => each.name === name);
      if (!event) return [];
      // A generic event goes to the only unit by itself; kernels before 5.13 know no other way.
      const isNamed = pmu !== undefined && (event.kind === 'raw' || isHybrid);
      return [isNamed ? { event, pmuType: pmu.type } : { event }];
    }),
  );
}

function labelOf(targets: readonly Target[]): string {
  return [...new Set(targets.map(({ event }) => eventLabel(event)))].join(' + ');
}

function openOne(
  { event, pmuType }: Target,
  syscalls: PerfSyscalls,
): OpenCounter | { readonly errno: number } {
  const open = (isUserOnly: boolean): ReturnType<PerfSyscalls['open']> =>
    syscalls.open(encodeAttr(event, { isUserOnly, ...(pmuType !== undefined && { pmuType }) }));
  const whole = open(false);
  if ('fd' in whole) return { fd: whole.fd, isUserOnly: false };
  if (whole.errno !== accessDenied || isKernelEvent(event)) return whole;
  const userOnly = open(true);
  return 'fd' in userOnly ? { fd: userOnly.fd, isUserOnly: true } : userOnly;
}

/** EACCES. */
const accessDenied = 13;

type SlotReading = readonly (CounterValue | { readonly errno: number })[];

function readSlot({ opened }: Slot, syscalls: PerfSyscalls): SlotReading {
  return opened.map(({ fd }) => syscalls.read(fd));
}

/**
 * What was counted between two readings. On two kinds of core a thread runs on one at a time, so that values and
 * running times add up, while each unit was enabled the whole time.
 */
function countOf(slot: Slot, before: SlotReading, after: SlotReading): EventCount {
  const base = { name: slot.name, event: slot.label };
  if (slot.reason !== undefined) return { ...base, reason: slot.reason };
  const counted = { value: 0, enabledNs: 0, runningNs: 0 };
  for (const [i, end] of after.entries()) {
    const start = before[i];
    if (!start || 'errno' in start || 'errno' in end)
      return { ...base, reason: 'failed: the counter could not be read' };
    counted.value += end.value - start.value;
    counted.runningNs += end.runningNs - start.runningNs;
    counted.enabledNs = Math.max(counted.enabledNs, end.enabledNs - start.enabledNs);
  }
  // The task clock is the scheduler's: it runs in the kernel too, whatever is excluded.
  const isUserOnly = slot.name !== 'task-clock' && slot.opened.some((each) => each.isUserOnly);
  if (counted.runningNs === 0) return { ...base, reason: 'multiplexed: the event never got a counter' };
  return { ...base, ...counted, ...(isUserOnly && { isUserOnly }) };
}
