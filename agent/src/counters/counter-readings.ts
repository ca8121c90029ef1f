import { calibrationMethod } from '@qfleet/shared/counters/calibration-method.ts';
import { scaleCount } from '@qfleet/shared/counters/scale-count.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import { runInChild } from '../probes/run-in-child.ts';
import { type BytesPerEvent, bytesPerEvent } from './bytes-per-event.ts';
import type { CountersOutcome } from './calibrate-traffic.ts';
import { type CoreFacts, chooseEvents, type EventChoice } from './choose-events.ts';
import { generic } from './cores/generic.ts';
import { type CounterEvent, eventLabel } from './counter-event.ts';
import { softwareEvents } from './software-events.ts';

export interface CounterProbe {
  /** The processor, from /proc/cpuinfo or an inventory. */
  readonly cpu: CoreFacts;
  /** Where /sys is: `/`, or a recorded machine's folder. */
  readonly root: string;
  /** Of one array; four times the last cache or more, a multiple of 128. */
  readonly arrayBytes: number;
  /** An emulator's counters would be its host's. */
  readonly emulated: boolean;
  readonly onProgress: (fraction: number) => void;
  readonly signal: AbortSignal;
}

/**
 * What can be counted on this device. One reading for each event of the set chosen for its core and for the kernel's
 * software events, `counter.<name>`: how often it was counted while known memory was read, or the exact reason why it
 * was not. And `counters.bytes-per-refill`, `counters.bytes-per-writeback` (B), with which a launch's counts become
 * bytes. About a second, in a child process. Throws `cancelled` on the signal.
 */
export async function counterReadings(probe: CounterProbe): Promise<Reading[]> {
  const choice = await chooseEvents(probe.cpu, probe.root);
  if (probe.emulated) return missingReadings(choice, 'emulated');
  try {
    const outcome = await runInChild(
      { kind: 'counters', arrayBytes: probe.arrayBytes, passes },
      { limitMs: childLimitMs, signal: probe.signal, onProgress: probe.onProgress },
    );
    return [
      ...outcome.read.events.map((count) => eventReading(count, choice)),
      ...calibrationReadings(outcome),
    ];
  } catch (thrown) {
    const error = QfleetError.from(thrown);
    if (error.code === 'cancelled') throw error;
    return missingReadings(choice, `${error.code}: ${error.message}`);
  }
}

/** Enough traffic that what else the process does is nothing beside it. */
const passes = 8;
const childLimitMs = 60_000;

function missingReadings(choice: EventChoice, reason: string): Reading[] {
  const events = [...(choice.cores[0]?.events ?? generic.events), ...softwareEvents];
  return [
    ...events.map((event) => ({
      ...unavailable(`counter.${event.name}`, '1', choice.reason ?? reason),
      method: methodOf(eventLabel(event)),
      ...flagsOf(choice, event),
    })),
    unavailable('counters.bytes-per-refill', 'B', choice.reason ?? reason),
    unavailable('counters.bytes-per-writeback', 'B', choice.reason ?? reason),
  ];
}

function eventReading(count: EventCount, choice: EventChoice): Reading {
  const quantity = `counter.${count.name}`;
  const method = methodOf(count.event);
  const isHardware = !softwareEvents.some(({ name }) => name === count.name);
  const scaled = scaleCount(count);
  if (scaled.reason !== undefined) return { ...unavailable(quantity, '1', scaled.reason), method };
  const flags = [
    ...(count.isUserOnly ? ['user-only'] : []),
    ...(scaled.isMultiplexed ? ['multiplexed'] : []),
    ...(isHardware ? coreFlags(choice) : []),
  ];
  return {
    quantity,
    status: scaled.isMultiplexed ? 'derived' : 'measured',
    value: scaled.value,
    unit: '1',
    method,
    ...(flags.length > 0 && { flags }),
  };
}

function calibrationReadings({ read, copy, traffic }: CountersOutcome): Reading[] {
  const find = (events: readonly EventCount[], name: string | undefined): EventCount | undefined =>
    events.find((count) => count.name === name);
  const why = whyNoTraffic(read.events);
  const refill = find(read.events, traffic?.reads);
  const writeback = find(copy.events, traffic?.writes);
  return [
    calibrated('counters.bytes-per-refill', refill, why ?? bytesPerEvent(read.bytes, refill), 'wasm read'),
    calibrated(
      'counters.bytes-per-writeback',
      writeback,
      // What is written to arrays larger than every cache has to be written back, fetched before or not.
      why ?? bytesPerEvent(copy.bytes, writeback),
      'wasm copy',
    ),
  ];
}

/** Where cycles cannot be counted no event of the processor can, and the reason is theirs. */
function whyNoTraffic(events: readonly EventCount[]): { readonly reason: string } | undefined {
  const reason = events.find(({ name }) => name === 'cycles')?.reason;
  return reason === undefined ? undefined : { reason };
}

function calibrated(
  quantity: string,
  count: EventCount | undefined,
  found: BytesPerEvent,
  kernel: Parameters<typeof calibrationMethod>[0],
): Reading {
  if (found.reason !== undefined) return unavailable(quantity, 'B', found.reason);
  const flags = [
    ...(count?.isUserOnly ? ['user-only'] : []),
    ...(found.isMultiplexed ? ['multiplexed'] : []),
  ];
  return {
    quantity,
    status: 'derived',
    value: found.bytes,
    unit: 'B',
    method: calibrationMethod(kernel, count?.event ?? ''),
    ...(flags.length > 0 && { flags }),
  };
}

function methodOf(label: string): string {
  return `perf ${label}`;
}

function flagsOf(choice: EventChoice, { kind }: CounterEvent): { readonly flags?: string[] } {
  const flags = kind === 'software' ? [] : coreFlags(choice);
  return flags.length > 0 ? { flags } : {};
}

/** Which cores are counted, where a processor has more than one kind. */
function coreFlags({ cores, uncounted }: EventChoice): string[] {
  const names = [...new Set(cores.map(({ core }) => core))];
  return [
    ...(names.length > 1 ? [`cores: ${names.join(' + ')}`] : []),
    ...uncounted.map((core) => `not-counted: ${core}`),
  ];
}
