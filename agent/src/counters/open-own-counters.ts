import { readCpuinfo } from '../inventory/read-inventory.ts';
import { readNumber } from '../inventory/read-text.ts';
import { chooseEvents, type EventChoice } from './choose-events.ts';
import { loadPerfSyscalls } from './load-perf-syscalls.ts';
import { type Counters, openCounters } from './open-counters.ts';

/** The counters of this very machine, over this thread and what it will start, and what was chosen to be counted. */
export async function openOwnCounters(): Promise<{
  readonly choice: EventChoice;
  readonly counters: Counters;
}> {
  const choice = await chooseEvents(await readCpuinfo('/'), '/');
  const paranoid = await readNumber('/', 'proc/sys/kernel/perf_event_paranoid');
  return { choice, counters: openCounters({ choice, access: await loadPerfSyscalls(), paranoid }) };
}
