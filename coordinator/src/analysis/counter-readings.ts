import { available } from '@qfleet/shared/available-reading.ts';
import { calibratedEvent } from '@qfleet/shared/counters/calibration-method.ts';
import { scaleCount } from '@qfleet/shared/counters/scale-count.ts';
import { type AvailableReading, type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { CounterLaunch, EventCount } from '@qfleet/shared/result/job-result.ts';
import { isPlausible } from '@qfleet/shared/verdict/is-plausible.ts';

/** What the counters of one cell are read from. */
export interface CounterEvidence {
  /** The variant's launch under counters; undefined where there was none. */
  readonly launch: CounterLaunch | undefined;
  /** Why there was none, or why its counts mean nothing, as on an emulated board. */
  readonly whyNone: string | undefined;
  /** The device's own probe, which knows how many bytes an event stands for. */
  readonly probe: readonly Reading[];
}

/** Units by quantity. Events are per inference, as are `bytes.inference`. */
export const counterReadingUnits: Readonly<Record<string, string>> = {
  cycles: '1',
  instructions: '1',
  ipc: '1',
  'cache.l1d.refills': '1',
  'cache.l1d.miss-rate': '1',
  'cache.l2.refills': '1',
  'cache.llc.misses': '1',
  'frequency.actual': 'Hz',
  'bandwidth.run': 'B/s',
  'bytes.inference': 'B',
};

/**
 * What the launch under counters says of one inference: events per inference, each with the event and the cache level
 * in its method, their ratios, the real clock, and the memory traffic. Traffic is what the memory controller counted
 * where the SoC tells (`whole-system`: with GPU and other programs), else lines fetched and written back times the
 * bytes that the device's probe found behind each (likwid's MEM group, calibrated); `reads-only` where write-backs
 * cannot be had. Flags besides: `user-only`, `multiplexed`, `beyond-l2` where an L3 may answer part of the traffic.
 */
export function counterReadings(evidence: CounterEvidence): Reading[] {
  const { launch, probe } = evidence;
  const why = evidence.whyNone ?? whyUnusable(launch);
  if (why !== undefined || !launch) {
    const reason = why ?? 'no-counters: no launch ran under counters';
    return Object.entries(counterReadingUnits).map(([quantity, unit]) => unavailable(quantity, unit, reason));
  }
  const counts = new Counts(launch);
  return [
    ...Object.entries(eventNames).map(([quantity, names]) =>
      perInference(quantity, counts.find(names), counts),
    ),
    ratio('ipc', counts.find(['instructions']), counts.find(['cycles']), counts),
    ratio(
      'cache.l1d.miss-rate',
      counts.find(['l1d.refills', 'l1d.misses']),
      counts.find(['l1d.accesses']),
      counts,
    ),
    frequencyReading(counts),
    ...trafficReadings(counts, launch, probe),
  ];
}

/** Names of events by quantity; of several a core has one. Of L2 misses the fills are counted, which is the same. */
const eventNames: Readonly<Record<string, readonly string[]>> = {
  cycles: ['cycles'],
  instructions: ['instructions'],
  'cache.l1d.refills': ['l1d.refills', 'l1d.misses'],
  'cache.l2.refills': ['l2.refills', 'l2.misses'],
  'cache.llc.misses': ['llc.misses', 'l3.refills'],
};

function whyUnusable(launch: CounterLaunch | undefined): string | undefined {
  if (!launch) return undefined;
  if (launch.failure) return `${launch.failure.class}: ${launch.failure.message}`;
  const { inferences, wallNs } = launch;
  const hasBasis = isPlausible(inferences) && isPlausible(wallNs) && inferences > 0 && wallNs > 0;
  return hasBasis ? undefined : 'bad-evidence: the launch under counters does not say how much it ran';
}

/** One event over the whole launch, with what has to be said of it. */
type Count =
  | {
      readonly value: number;
      readonly method: string;
      readonly flags: readonly string[];
      readonly reason?: undefined;
    }
  | { readonly reason: string };

class Counts {
  readonly inferences: number;
  readonly wallNs: number;
  readonly #events: readonly EventCount[];

  constructor({ inferences, wallNs, events }: CounterLaunch) {
    this.inferences = inferences ?? 0;
    this.wallNs = wallNs ?? 0;
    this.#events = events;
  }

  has(name: string): boolean {
    return this.#events.some((event) => event.name === name);
  }

  /** The first of these names that the core has. */
  find(names: readonly string[]): Count {
    const found = this.#events.find(({ name }) => names.includes(name));
    return found ? this.#scale(found) : { reason: this.#whyAbsent() };
  }

  /** The event that a calibration was made with. */
  findEvent(label: string | undefined): Count {
    const found = this.#events.find(({ event }) => event === label);
    return found ? this.#scale(found) : { reason: this.#whyAbsent() };
  }

  #scale(count: EventCount): Count {
    const scaled = scaleCount(count);
    if (scaled.reason !== undefined) return { reason: scaled.reason };
    if (!isPlausible(scaled.value)) return { reason: 'bad-evidence: a count that is no count' };
    const flags = [
      ...(count.isUserOnly ? ['user-only'] : []),
      ...(scaled.isMultiplexed ? ['multiplexed'] : []),
    ];
    return { value: scaled.value, method: `perf ${count.event}`, flags };
  }

  /** Where nothing of the processor can be counted, that is why this is not either. */
  #whyAbsent(): string {
    const cycles = this.#events.find(({ name }) => name === 'cycles');
    return cycles?.reason ?? 'not-supported: no event of this cache level is counted on this core';
  }
}

function perInference(quantity: string, count: Count, { inferences }: Counts): Reading {
  if (count.reason !== undefined) return unavailable(quantity, '1', count.reason);
  return available({
    quantity,
    status: count.flags.includes('multiplexed') ? 'derived' : 'measured',
    value: count.value / inferences,
    unit: '1',
    method: count.method,
    n: inferences,
    flags: count.flags,
  });
}

function ratio(quantity: string, over: Count, under: Count, { inferences }: Counts): Reading {
  if (over.reason !== undefined) return unavailable(quantity, '1', over.reason);
  if (under.reason !== undefined) return unavailable(quantity, '1', under.reason);
  if (under.value === 0) return unavailable(quantity, '1', `no-events: ${under.method} counted nothing`);
  return available({
    quantity,
    status: 'derived',
    value: over.value / under.value,
    unit: '1',
    method: `${over.method} / ${under.method}`,
    n: inferences,
    flags: unite(over.flags, under.flags),
  });
}

/** Cycles over the time on a processor; without the kernel's cycles, but with its time, it is a lower bound. */
function frequencyReading(counts: Counts): Reading {
  const cycles = counts.find(['cycles']);
  const reading = ratio('frequency.actual', cycles, counts.find(['task-clock']), counts);
  if (reading.status === 'unavailable') return { ...reading, unit: 'Hz' };
  const isLow = reading.flags?.includes('user-only');
  const flags = [...(reading.flags ?? []), ...(isLow ? ['lower-bound'] : [])];
  return { ...reading, value: reading.value * 1e9, unit: 'Hz', ...(flags.length > 0 && { flags }) };
}

interface Traffic {
  readonly bytes: number;
  readonly method: string;
  readonly flags: readonly string[];
}

function trafficReadings(counts: Counts, launch: CounterLaunch, probe: readonly Reading[]): Reading[] {
  const traffic = controllerTraffic(counts, launch) ?? countedTraffic(counts, probe);
  if ('reason' in traffic) {
    return [
      unavailable('bandwidth.run', 'B/s', traffic.reason),
      unavailable('bytes.inference', 'B', traffic.reason),
    ];
  }
  const { method, flags } = traffic;
  const common = { status: 'derived', method, flags, n: counts.inferences } as const;
  return [
    available({
      ...common,
      quantity: 'bandwidth.run',
      value: (traffic.bytes / counts.wallNs) * 1e9,
      unit: 'B/s',
    }),
    available({
      ...common,
      quantity: 'bytes.inference',
      value: traffic.bytes / counts.inferences,
      unit: 'B',
    }),
  ];
}

function controllerTraffic({ wallNs }: Counts, { memoryTraffic }: CounterLaunch): Traffic | undefined {
  const found = memoryTraffic?.find(({ bytesPerSec }) => isPlausible(bytesPerSec));
  if (found?.bytesPerSec === undefined) return undefined;
  return { bytes: (found.bytesPerSec * wallNs) / 1e9, method: found.source, flags: ['whole-system'] };
}

function countedTraffic(counts: Counts, probe: readonly Reading[]): Traffic | { readonly reason: string } {
  const reads = calibratedBytes('counters.bytes-per-refill', counts, probe);
  if ('reason' in reads) return reads;
  const writes = calibratedBytes('counters.bytes-per-writeback', counts, probe);
  // An L3 behind answers part of what leaves the L2.
  const level = counts.has('l3.refills') ? ['beyond-l2'] : [];
  if ('reason' in writes) return { ...reads, flags: [...reads.flags, 'reads-only', ...level] };
  return {
    bytes: reads.bytes + writes.bytes,
    method: `${reads.method} + ${writes.method}`,
    flags: [...unite(reads.flags, writes.flags), ...level],
  };
}

function calibratedBytes(
  quantity: string,
  counts: Counts,
  probe: readonly Reading[],
): Traffic | { readonly reason: string } {
  const calibration = findCalibration(quantity, probe);
  if ('reason' in calibration) return calibration;
  const count = counts.findEvent(calibratedEvent(calibration.method));
  if (count.reason !== undefined) return { reason: count.reason };
  return {
    bytes: count.value * calibration.value,
    method: `${count.method} × calibrated bytes`,
    flags: unite(count.flags, calibration.flags ?? []),
  };
}

function findCalibration(
  quantity: string,
  probe: readonly Reading[],
): AvailableReading | { readonly reason: string } {
  const found = probe.find((reading) => reading.quantity === quantity);
  if (!found) return { reason: `not-calibrated: the device's probe has no ${quantity}` };
  return found.status === 'unavailable' ? { reason: found.reason } : found;
}

function unite(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
