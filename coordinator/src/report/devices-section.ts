import type { Reading } from '@qfleet/shared/reading.ts';
import { readingValue, unavailable } from '@qfleet/shared/reading.ts';
import type { Footnotes } from './footnotes.ts';
import { chooseScale, threeFigures } from './format-quantity.ts';
import type { Report, ReportDevice } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';
import { type Column, readingText, tableOfReadings } from './table-of-readings.ts';

/** What the devices are, as they say themselves. */
export function machinesSection({ devices }: Report): Section {
  const titles = ['device', 'processor', 'processors', 'memory, GB', 'system', 'agent'];
  return {
    id: 'machines',
    title: 'Devices',
    lead: 'What the devices are, as they say themselves.',
    table: {
      columns: titles.map((title, index) => ({ title, numeric: index === 2 || index === 3 })),
      rows: devices.map((device) => machineRow(device).map(stripControl)),
    },
  };
}

/** How fast the devices' memory is. */
export function memorySection({ devices }: Report, footnotes: Footnotes): Section {
  return {
    id: 'memory',
    title: 'Memory bandwidth and latency',
    lead: 'Bytes that the program reads and writes per second, best pass, with one thread and with all; time of one load that waits for the one before.',
    table: tableOfReadings(
      devices,
      [
        { title: 'device', text: (device) => device.name },
        probeColumn('copy, 1 thread', 'mem.bandwidth.copy.1'),
        probeColumn('copy, all', 'mem.bandwidth.copy.all'),
        probeColumn('triad, 1 thread', 'mem.bandwidth.triad.1'),
        probeColumn('triad, all', 'mem.bandwidth.triad.all'),
        probeColumn('L1 load', 'mem.latency.l1'),
        probeColumn('DRAM load', 'mem.latency.dram'),
      ],
      footnotes,
    ),
  };
}

/** The devices' caches, as they are said to be and as they are. */
export function cachesSection({ devices }: Report, footnotes: Footnotes): Section {
  return {
    id: 'caches',
    title: 'Caches',
    lead: 'Reported: what the machine claims. Effective: up to which working set loads stay fast on the latency ladder; a virtual machine often gets but a share of the last level.',
    table: tableOfReadings(
      devices,
      [
        { title: 'device', text: (device) => device.name },
        probeColumn('L1d reported', 'cache.l1d.reported'),
        probeColumn('effective', 'cache.l1d.effective'),
        probeColumn('L2 reported', 'cache.l2.reported'),
        probeColumn('effective', 'cache.l2.effective'),
        probeColumn('last level reported', 'cache.llc.reported'),
        probeColumn('effective', 'cache.llc.effective'),
      ],
      footnotes,
    ),
  };
}

function probeColumn(title: string, quantity: string): Column<ReportDevice> {
  return { title, quantity, reading: (device) => probeReading(device, quantity) };
}

/** Every reading of every probe. */
export function probeSection({ devices }: Report, footnotes: Footnotes): Section {
  const titles = ['device', 'quantity', 'value', 'unit', 'status', 'method', 'flags'];
  return {
    id: 'probe',
    title: 'Probe readings',
    lead: 'Everything that the latest probe of each device measured.',
    table: {
      columns: titles.map((title) => ({ title, numeric: title === 'value' })),
      rows: devices.flatMap((device) =>
        device.probe.readings.map((reading) => readingRow(stripControl(device.name), reading, footnotes)),
      ),
    },
    isDetail: true,
  };
}

/** The pointer chase: time per load by working set. */
export function ladderSection({ devices }: Report, footnotes: Footnotes): Section {
  const rows = devices.flatMap((device) => {
    const name = stripControl(device.name);
    return device.probe.latencyLadder.map(({ workingSetBytes, load }) => {
      const scale = chooseScale('cache.', 'B', [workingSetBytes]);
      const size = `${workingSetBytes * scale.factor} ${scale.unit}`;
      return [name, size, readingText(load, { scale: { unit: 'ns', factor: 1 }, footnotes })];
    });
  });
  return {
    id: 'ladder',
    title: 'Latency ladder',
    lead: 'Time per dependent load, random order, by working set.',
    table: {
      columns: [
        { title: 'device', numeric: false },
        { title: 'working set', numeric: true },
        { title: 'load, ns', numeric: true },
      ],
      rows,
    },
    isDetail: true,
  };
}

function machineRow({ name, inventory, agentVersion }: ReportDevice): string[] {
  const agent = agentVersion ?? 'unknown';
  if (!inventory) return [name, 'not known: the device never connected', '', '', '', agent];
  const { cpu, emulated } = inventory;
  const processor = [inventory.board, cpu.core ?? cpu.model, inventory.architecture]
    .filter((part) => part !== undefined)
    .join(', ');
  return [
    name,
    emulated ? `${processor} (emulated by ${emulated.by})` : processor,
    String(cpu.processors),
    threeFigures(inventory.memoryBytes / 1e9),
    `${inventory.os}, kernel ${inventory.kernel}`,
    agent,
  ];
}

/** A probe reading, or why there is none: the probe's own reason where it gave no readings at all. */
function probeReading({ probe }: ReportDevice, quantity: string): Reading {
  const reading = probe.readings.find((candidate) => candidate.quantity === quantity);
  return (
    reading ?? unavailable(quantity, unitOf(quantity), probe.reason ?? 'not-reported: not part of the probe')
  );
}

function unitOf(quantity: string): string {
  if (quantity.startsWith('mem.bandwidth')) return 'B/s';
  return quantity.startsWith('cache') ? 'B' : 'ns';
}

function readingRow(name: string, reading: Reading, footnotes: Footnotes): string[] {
  const value = readingValue(reading);
  const scale = chooseScale(reading.quantity, reading.unit, value === undefined ? [] : [value]);
  const interval = reading.status !== 'unavailable' && reading.interval !== undefined;
  return [
    name,
    stripControl(reading.quantity),
    readingText(reading, { scale, footnotes, interval }),
    scale.unit,
    reading.status,
    stripControl(reading.method ?? ''),
    stripControl((reading.flags ?? []).join(', ')),
  ];
}
