import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '@qfleet/shared/reading.ts';
import { readingSchema } from '@qfleet/shared/reading-schema.ts';
import { parseCpuinfo } from '../inventory/parse-cpuinfo.ts';
import { readCpuinfo } from '../inventory/read-inventory.ts';
import { cpuinfoOf } from '../inventory/testing/known-boards.ts';
import { type CounterProbe, counterReadings } from './counter-readings.ts';

async function read(over: Partial<CounterProbe>): Promise<(quantity: string) => Reading> {
  const readings = await counterReadings({
    cpu: await readCpuinfo('/'),
    root: '/',
    arrayBytes: 4 * 1024 * 1024,
    emulated: false,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...over,
  });
  for (const reading of readings) readingSchema.parse(reading);
  assert.equal(new Set(readings.map(({ quantity }) => quantity)).size, readings.length);
  return (quantity) => {
    const found = readings.find((reading) => reading.quantity === quantity);
    assert.ok(found, quantity);
    return found;
  };
}

test('this machine says of every event what it counted, or why it cannot', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, async () => {
  const find = await read({});
  const cycles = find('counter.cycles');
  const refill = find('counters.bytes-per-refill');
  assert.match(cycles.method ?? '', /^perf /);
  if (cycles.status === 'unavailable') {
    assert.match(cycles.reason, /^(no-pmu|permission|seccomp|no-ffi|not-supported)/);
    assert.equal(refill.status, 'unavailable');
    assert.equal((refill as { reason: string }).reason, cycles.reason);
  } else {
    // Reading 32 MiB, 16 bytes an instruction, is two million instructions at the least.
    const instructions = find('counter.instructions');
    assert.ok(instructions.status !== 'unavailable' && instructions.value > 2e6);
  }
  const faults = find('counter.page-faults');
  assert.ok(faults.status !== 'unavailable' || faults.reason !== '');
});

test('an emulated Pi 3 and Jetson Nano have the events of their cores, each unavailable as emulated', async () => {
  for (const board of ['Pi 3 B+, 64-bit', 'Jetson Nano'] as const) {
    const cpu = parseCpuinfo(cpuinfoOf(board));
    const find = await read({ cpu, root: '/does/not/exist', emulated: true });
    assert.deepEqual(find('counter.l2.refills'), {
      quantity: 'counter.l2.refills',
      status: 'unavailable',
      unit: '1',
      reason: 'emulated',
      method: 'perf raw:0x17 L2D_CACHE_REFILL',
    });
    assert.equal((find('counters.bytes-per-refill') as { reason: string }).reason, 'emulated');
  }
});

test('a Pi 3 with a 32-bit system says that this is why', async () => {
  const cpu = parseCpuinfo(cpuinfoOf('Pi 3 B, 32-bit'));
  const find = await read({ cpu, root: '/does/not/exist', emulated: true });
  assert.match((find('counter.cycles') as { reason: string }).reason, /^32-bit: .*Cortex-A53/);
});

test('cores without counters of their own are named beside what is counted', async () => {
  const cpu = parseCpuinfo(cpuinfoOf('Jetson TX2, all cores'));
  const find = await read({ cpu, root: '/does/not/exist', emulated: true });
  assert.deepEqual(find('counter.cycles').flags, ['not-counted: Denver-2']);
  assert.equal(find('counter.task-clock').flags, undefined);
});

test('a cancelled probe throws instead of giving readings', async () => {
  await assert.rejects(read({ signal: AbortSignal.abort() }), { code: 'cancelled' });
});
