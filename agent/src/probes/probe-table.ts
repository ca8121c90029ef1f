import type { CacheInfo, Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { AvailableReading, Reading } from '@qfleet/shared/reading.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import { bandwidthKernels } from './bandwidth-kernels.ts';
import { bandwidthQuantity } from './bandwidth-readings.ts';

/**
 * A probe as text for a terminal: the machine, its bandwidths by threads, its caches as reported and as measured,
 * the latency ladder, and what could not be had, with the reasons. Ends without a line break. Readings that it has
 * no table for stand under "other readings", so that nothing is hidden.
 */
export function formatProbe(inventory: Inventory, facts: ProbeFacts): string {
  const sections = [
    machineLines(inventory),
    section(
      'Memory bandwidth, GB/s (10⁹ B/s; best pass, median and its 95 % interval)',
      bandwidthLines(facts),
    ),
    section('Caches, reported and effective', cacheLines(inventory, facts)),
    section('Latency of one dependent load by working set', ladderLines(facts)),
    section('Other readings', otherLines(facts)),
    section('Not available', unavailableLines(facts)),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [title, ...lines.map((line) => `  ${line}`)] : [];
}

function machineLines(inventory: Inventory): string[] {
  const { cpu, emulated } = inventory;
  const frequency = cpu.maxFrequencyHz === undefined ? '' : `, up to ${cpu.maxFrequencyHz / 1e9} GHz`;
  const host = [inventory.os, `kernel ${inventory.kernel}`, inventory.libc, `Node ${inventory.nodeVersion}`];
  const surroundings = emulated ? `emulated by ${emulated.by} as ${emulated.cpu}` : inventory.virtualization;
  return [
    `${inventory.hostname}: ${inventory.board ?? 'board not known'}`,
    `  ${cpu.model}, ${plural(cpu.processors, 'processor')}${frequency}, ${inventory.architecture}, ${formatBytes(inventory.memoryBytes)} memory`,
    `  ${[...host, surroundings].filter((word) => word !== undefined).join(', ')}`,
  ];
}

function bandwidthLines(facts: ProbeFacts): string[] {
  const rows = bandwidthKernels.flatMap((kernel) =>
    (['1', 'all'] as const).flatMap((scope) => {
      const quantity = bandwidthQuantity(kernel, scope);
      const best = findAvailable(facts, quantity);
      if (!best) return [];
      const median = findAvailable(facts, `${quantity}.median`);
      const threads = scope === '1' ? '1 thread' : 'all threads';
      return [[kernel, threads, gigabytes(best.value), formatMedian(median), (best.flags ?? []).join(', ')]];
    }),
  );
  return rows.length > 0 ? alignColumns([['kernel', 'threads', 'best', 'median', 'flags'], ...rows]) : [];
}

function formatMedian(reading: AvailableReading | undefined): string {
  if (!reading) return '';
  const { interval } = reading;
  const range = interval ? ` [${gigabytes(interval.low)}, ${gigabytes(interval.high)}]` : '';
  return `${gigabytes(reading.value)}${range}`;
}

function cacheLines(inventory: Inventory, facts: ProbeFacts): string[] {
  const rows = (['l1d', 'l2', 'llc'] as const).flatMap((level) => {
    const reported = findAvailable(facts, `cache.${level}.reported`);
    const effective = findAvailable(facts, `cache.${level}.effective`);
    if (!reported && !effective) return [];
    const claim = reported
      ? `${formatBytes(reported.value)} (${reported.method.replace('reported:', '')})`
      : '';
    return [[level, claim, formatEffective(effective), effective?.method ?? '']];
  });
  if (rows.length > 0) return alignColumns([['level', 'reported', 'effective', 'method'], ...rows]);
  return inventory.caches.map(describeCache);
}

/** Without readings, as on an emulated board, what the inventory says is still worth a line. */
function describeCache(cache: CacheInfo): string {
  return `L${cache.level} ${cache.type}: ${formatBytes(cache.sizeBytes)} reported (${cache.source})`;
}

function formatEffective(reading: AvailableReading | undefined): string {
  if (!reading) return '';
  const { interval } = reading;
  return interval
    ? `${formatBytes(interval.low)} … ${formatBytes(interval.high)}`
    : formatBytes(reading.value);
}

function ladderLines(facts: ProbeFacts): string[] {
  const rows = facts.latencyLadder.map((rung) => [
    formatBytes(rung.workingSetBytes),
    `${rung.loadNs.toPrecision(3)} ns`,
    '█'.repeat(barLength(rung.loadNs)),
  ]);
  return alignColumns(rows);
}

/** Two blocks for every doubling above half a nanosecond: caches and DRAM lie two orders of magnitude apart. */
function barLength(loadNs: number): number {
  return Math.max(1, Math.round(2 * Math.log2(loadNs / 0.5)));
}

function otherLines(facts: ProbeFacts): string[] {
  const inTables = /^(mem\.bandwidth|cache)\./;
  const others = facts.readings.filter(isAvailable).filter((reading) => !inTables.test(reading.quantity));
  return alignColumns(others.map((reading) => [reading.quantity, formatReading(reading), reading.method]));
}

function formatReading(reading: AvailableReading): string {
  const flags = reading.flags?.length ? ` (${reading.flags.join(', ')})` : '';
  if (reading.unit === 'milliC') return `${(reading.value / 1000).toFixed(1)} °C${flags}`;
  if (reading.unit === 'Hz') return `${(reading.value / 1e9).toFixed(2)} GHz${flags}`;
  return `${Number(reading.value.toPrecision(4))} ${reading.unit}${flags}`;
}

/** Quantities that lack for one and the same reason share a line. */
function unavailableLines(facts: ProbeFacts): string[] {
  const byReason = new Map<string, string[]>();
  for (const reading of facts.readings) {
    if (reading.status !== 'unavailable') continue;
    byReason.set(reading.reason, [...(byReason.get(reading.reason) ?? []), reading.quantity]);
  }
  return [...byReason].flatMap(([reason, quantities]) => [
    reason,
    ...wrap(quantities).map((line) => `  ${line}`),
  ]);
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 90) lines[lines.length - 1] = `${last}, ${word}`;
    else lines.push(word);
  }
  return lines;
}

function findAvailable(facts: ProbeFacts, quantity: string): AvailableReading | undefined {
  return facts.readings.filter(isAvailable).find((reading) => reading.quantity === quantity);
}

function isAvailable(reading: Reading): reading is AvailableReading {
  return reading.status !== 'unavailable';
}

function gigabytes(bytesPerSec: number): string {
  return (bytesPerSec / 1e9).toFixed(2);
}

/** Caches and memory in binary units, by the largest that is not over it: `48 KiB`, `1.5 MiB`. */
function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const exponent = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(bytes) / 10)));
  return `${Number((bytes / 1024 ** exponent).toPrecision(3))} ${units[exponent]}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Pads all columns but the last; figures are short enough to be read left-aligned. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
