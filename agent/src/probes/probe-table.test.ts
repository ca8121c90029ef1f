import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import { formatProbe } from './probe-table.ts';

const inventory: Inventory = {
  schema: 'qfleet.inventory/1',
  hostname: 'bench-pi',
  board: 'Raspberry Pi 3 Model B Rev 1.2',
  architecture: 'arm64',
  cpu: { model: 'Cortex-A53', core: 'Cortex-A53', processors: 4, features: [], maxFrequencyHz: 1.2e9 },
  caches: [{ level: 2, type: 'unified', sizeBytes: 512 * 1024, source: 'table:brcm,bcm2837' }],
  memoryBytes: 948304 * 1024,
  os: 'Debian GNU/Linux 12 (bookworm)',
  kernel: '6.1.21-v8+',
  libc: 'glibc 2.36',
  nodeVersion: '24.21.0',
};

const bandwidth = { status: 'measured', unit: 'B/s', method: 'wasm-simd stream-variant/1', n: 9 } as const;

test('a probe is printed with bandwidths, caches, ladder and what is missing', () => {
  const facts: ProbeFacts = {
    readings: [
      { ...bandwidth, quantity: 'mem.bandwidth.copy.1', value: 2.21e9, flags: ['interference'] },
      {
        ...bandwidth,
        quantity: 'mem.bandwidth.copy.1.median',
        value: 2.1e9,
        interval: { low: 2e9, high: 2.15e9, method: 'order-statistics' },
      },
      {
        quantity: 'cache.l2.reported',
        status: 'derived',
        value: 524288,
        unit: 'B',
        method: 'reported:table:brcm,bcm2837',
      },
      {
        quantity: 'cache.l2.effective',
        status: 'derived',
        value: 262144,
        unit: 'B',
        method: 'latency-ladder plateau/1',
        interval: { low: 262144, high: 393216, method: 'neighbouring-rungs' },
      },
      {
        quantity: 'temperature.max',
        status: 'measured',
        value: 60148,
        unit: 'milliC',
        method: 'sysfs thermal/1',
      },
      { quantity: 'mem.bandwidth.copy.all', status: 'unavailable', unit: 'B/s', reason: 'timeout: stopped' },
      {
        quantity: 'mem.bandwidth.copy.all.median',
        status: 'unavailable',
        unit: 'B/s',
        reason: 'timeout: stopped',
      },
    ],
    latencyLadder: [
      { workingSetBytes: 4096, loadNs: 2.527 },
      { workingSetBytes: 1.5 * 1024 ** 2, loadNs: 151.2 },
    ],
  };
  assert.equal(
    formatProbe(inventory, facts),
    `bench-pi: Raspberry Pi 3 Model B Rev 1.2
  Cortex-A53, 4 processors, up to 1.2 GHz, arm64, 926 MiB memory
  Debian GNU/Linux 12 (bookworm), kernel 6.1.21-v8+, glibc 2.36, Node 24.21.0

Memory bandwidth, GB/s (10⁹ B/s; best pass, median and its 95 % interval)
  kernel  threads   best  median             flags
  copy    1 thread  2.21  2.10 [2.00, 2.15]  interference

Caches, reported and effective
  level  reported                      effective          method
  l2     512 KiB (table:brcm,bcm2837)  256 KiB … 384 KiB  latency-ladder plateau/1

Latency of one dependent load by working set
  4 KiB    2.53 ns  █████
  1.5 MiB  151 ns   ████████████████

Other readings
  temperature.max  60.1 °C  sysfs thermal/1

Not available
  timeout: stopped
    mem.bandwidth.copy.all, mem.bandwidth.copy.all.median`,
  );
});

test('an emulated board shows its reported caches and says why there is nothing else', () => {
  const emulated = { ...inventory, emulated: { by: 'qemu-user', cpu: 'cortex-a53' } };
  const text = formatProbe(emulated, {
    readings: [{ quantity: 'mem.latency.l1', status: 'unavailable', unit: 'ns', reason: 'emulated' }],
    latencyLadder: [],
  });
  assert.match(text, /emulated by qemu-user as cortex-a53/);
  assert.match(text, /L2 unified: 512 KiB reported \(table:brcm,bcm2837\)/);
  assert.match(text, /Not available\n {2}emulated\n {4}mem\.latency\.l1$/);
  assert.doesNotMatch(text, /GB\/s/);
});
