import type { CounterEvent } from './counter-event.ts';

/** Counted by the kernel itself, on machines without performance counters too (`enum perf_sw_ids`). */
export const softwareEvents: readonly CounterEvent[] = [
  software('task-clock', 1),
  software('page-faults', 2),
  software('context-switches', 3),
  software('cpu-migrations', 4),
];

/** Happens inside the kernel alone: counted in user space it would always be 0. */
export function isKernelEvent({ kind, name }: CounterEvent): boolean {
  return kind === 'software' && (name === 'context-switches' || name === 'cpu-migrations');
}

function software(name: string, config: number): CounterEvent {
  return { name, kind: 'software', config, symbol: name };
}
