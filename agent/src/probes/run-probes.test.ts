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

test('a cancelled probe has no facts', async () => {
  await assert.rejects(runProbes(options({ signal: AbortSignal.abort() })), { code: 'cancelled' });
});
