import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { probeFactsSchema } from '@qfleet/shared/result/job-result.ts';
import { type ProbeOptions, runProbes } from './run-probes.ts';

const MiB = 1024 * 1024;

function options(overrides: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    maxMemoryBytes: 12 * MiB,
    emulated: false,
    storageFolder: tmpdir(),
    transfers: undefined,
    onProgress: () => {},
    signal: new AbortController().signal,
    ...overrides,
  };
}

test('an emulated device gets every reading unavailable as emulated, the same ones as a real device', async () => {
  const emulated = probeFactsSchema.parse(await runProbes(options({ emulated: true })));
  assert.ok(emulated.readings.every((reading) => 'reason' in reading && reading.reason === 'emulated'));
  assert.deepEqual(emulated.latencyLadder, []);

  const fractions: number[] = [];
  const real = probeFactsSchema.parse(
    await runProbes(options({ onProgress: (_, fraction) => fractions.push(fraction) })),
  );
  const quantities = (facts: typeof real): string[] =>
    facts.readings.map((reading) => reading.quantity).sort();
  assert.deepEqual(quantities(emulated), quantities(real));
  const told = new Set(quantities(real));
  assert.deepEqual(
    wanted.filter((quantity) => !told.has(quantity)),
    [],
  );
  const bandwidths = real.readings.filter((reading) => reading.quantity.startsWith('mem.bandwidth.'));
  assert.equal(bandwidths.length, 20);
  assert.ok(bandwidths.every((reading) => reading.status === 'measured' && reading.value > 0));
  assert.equal(real.latencyLadder.at(-1)?.workingSetBytes, 12 * MiB);
  assert.deepEqual(
    fractions,
    fractions.toSorted((a, b) => a - b),
  );
  assert.equal(fractions.at(-1), 1);
});

/** What a probe of any device tells, with a value or with a reason; counters by names that every core has. */
const wanted = [
  ...['copy', 'scale', 'add', 'triad', 'read'].flatMap((kernel) =>
    ['1', 'all'].flatMap((scope) => [
      `mem.bandwidth.${kernel}.${scope}`,
      `mem.bandwidth.${kernel}.${scope}.median`,
    ]),
  ),
  ...['l1', 'dram'].map((level) => `mem.latency.${level}`),
  ...['l1d', 'l2', 'llc'].flatMap((cache) => [`cache.${cache}.reported`, `cache.${cache}.effective`]),
  ...['fp32.1', 'fp32.all', 'int8.1', 'int8.all', 'int8.conv.all'].map((id) => `compute.${id}`),
  ...['cycles', 'instructions', 'l1d.accesses', 'page-faults', 'context-switches'].map(
    (id) => `counter.${id}`,
  ),
  ...['counters.bytes-per-refill', 'counters.bytes-per-writeback', 'mem.controller.share'],
  ...['frequency.actual', 'frequency.reported', 'frequency.derived.1', 'frequency.derived.1.after'],
  ...['temperature.max', 'throttle.bits', 'power.idle'],
  ...['storage.write', 'storage.read', 'storage.fsync', 'link.download', 'link.upload'],
  ...['load.before', 'steal.share', 'pressure.share'],
  ...['cpu-time', 'memory.peak', 'memory.anonymous', 'memory.pss'].map((id) => `process.${id}`),
  ...['faults.minor', 'faults.major', 'switches.voluntary', 'switches.involuntary'].map(
    (id) => `process.${id}`,
  ),
];

test('a cancelled probe has no facts', async () => {
  await assert.rejects(runProbes(options({ signal: AbortSignal.abort() })), { code: 'cancelled' });
});
