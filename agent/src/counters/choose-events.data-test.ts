import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { parseCpuinfo } from '../inventory/parse-cpuinfo.ts';
import { chooseEvents } from './choose-events.ts';
import { cortexA53 } from './cores/cortex-a53.ts';
import { cortexA57 } from './cores/cortex-a57.ts';
import { cortexA72 } from './cores/cortex-a72.ts';
import { cortexA76 } from './cores/cortex-a76.ts';
import { cortexA78 } from './cores/cortex-a78.ts';

const withL2 = 'cycles instructions l1d.accesses l1d.refills l2.accesses l2.refills l2.writebacks';
const withL3 = 'cycles instructions l1d.accesses l1d.refills l2.refills l2.writebacks l3.refills';
const common = 'cycles instructions';

/** What each recorded machine is to be counted by: its core, then the events, or the code of the reason. */
const expectations: Readonly<Record<string, readonly [core: string, events: string]>> = {
  'BCM2387B0-5.16.7-bcm2711.cpuinfo': ['Cortex-A53', withL2],
  'BCM2710A1_RP3A0-5.10.63-v7.cpuinfo': ['Cortex-A53', '32-bit'],
  'BCM2711-5.15.14-200.fc35.aarch64.cpuinfo': ['Cortex-A72', withL2],
  'BCM2711B0-5.10.63-v8.cpuinfo': ['Cortex-A72', withL2],
  'BCM2711B0-5.10.78-v8.cpuinfo': ['Cortex-A72', withL2],
  'BCM2712-6.1.47.cpuinfo': ['Cortex-A76', withL3],
  'BCM2835-3.1.9+.cpuinfo': ['ARM1176', '32-bit'],
  'BCM2835-5.10.63+.cpuinfo': ['ARM1176', '32-bit'],
  'BCM2835-5.15.30.cpuinfo': ['ARM1176', '32-bit'],
  'BCM2836_BCM2709-3.18.4-v7.cpuinfo': ['Cortex-A7', '32-bit'],
  'BCM2836_BCM2709-5.10.63-v7+.cpuinfo': ['Cortex-A7', '32-bit'],
  'BCM2837_BCM2709-4.1.19-v7.cpuinfo': ['Cortex-A53', '32-bit'],
  'BroadCom-BCM4708A0.cpuinfo': ['Cortex-A9', '32-bit'],
  'BroadCom-BCM4908-5.11.22.cpuinfo': ['Brahma-B53', common],
  'NVidia-Tegra-Xavier-4.9.253-tegra.cpuinfo': ['Carmel', common],
  'Nvidia-Jetson-AGX-Orin-5.10.65-tegra.cpuinfo': ['Cortex-A78AE', withL3],
  'Nvidia-Jetson-Nano-4.9.253-tegra.cpuinfo': ['Cortex-A57', withL2],
  'Nvidia-Jetson-Nano-5.10.60-station.cpuinfo': ['Cortex-A57', withL2],
  'Nvidia-Jetson-Orin-NX-5.10.104-tegra.cpuinfo.txt': ['Cortex-A78AE', withL3],
  'Nvidia-Jetson-TX2-4.4.15-tegra-mode-0.cpuinfo': ['Cortex-A57 + Denver-2', withL2],
  'Nvidia-Jetson-TX2-4.4.15-tegra-mode-1.cpuinfo': ['Cortex-A57', withL2],
  'Nvidia-Tegra-3-3.1.10-armv7l.cpuinfo': ['Cortex-A9', '32-bit'],
  'Nvidia-Tegra-K1-Tegra124-3.10.40.cpuinfo': ['Cortex-A15', '32-bit'],
  'Nvidia-Tegra-K1-Tegra132.cpuinfo': ['Denver', common],
  'Nvidia-Tegra-TX1-3.10.96-tegra.cpuinfo': ['Cortex-A57', withL2],
  'Nvidia-Tegra-X1-big-cores-active.cpuinfo': ['Cortex-A57', withL2],
  'Nvidia-Tegra2.cpuinfo': ['Cortex-A9', '32-bit'],
  'Nvidia-Xavier-4.9.108-tegra-mode-0.cpuinfo': ['Carmel', common],
  'Nvidia-Xavier-4.9.108-tegra-mode-1.cpuinfo': ['Carmel', common],
  'Nvidia_Jetson_Orin_NX-5.15.148-tegra.cpuinfo': ['Cortex-A78AE', withL3],
};

const cpuinfos = testDataPath('devices/cpuinfo');

suite('recorded processors', () => {
  test('every recorded file has an expectation', async () => {
    assert.deepEqual((await readdir(cpuinfos)).sort(), Object.keys(expectations).sort());
  });

  for (const [file, [core, events]] of Object.entries(expectations)) {
    test(`${file} is counted by the events of its core`, async () => {
      const cpuinfo = parseCpuinfo(await readFile(join(cpuinfos, file), 'utf8'));
      const choice = await chooseEvents(cpuinfo, '/does/not/exist');
      assert.equal(cpuinfo.core, core);
      if (events === '32-bit') {
        assert.match(choice.reason ?? '', new RegExp(`^32-bit: .*${core}`));
        assert.deepEqual(choice.cores, []);
      } else {
        assert.equal(choice.reason, undefined);
        assert.equal(choice.cores[0]?.events.map(({ name }) => name).join(' '), events);
      }
    });
  }

  test('a Denver core beside an A57 whose units cannot be told apart is said not to be counted', async () => {
    const file = join(cpuinfos, 'Nvidia-Jetson-TX2-4.4.15-tegra-mode-0.cpuinfo');
    const cpuinfo = parseCpuinfo(await readFile(file, 'utf8'));
    assert.deepEqual((await chooseEvents(cpuinfo, '/does/not/exist')).uncounted, ['Denver-2']);
  });
});

const lists = testDataPath('devices/arm-pmu');

interface ArmEventList {
  readonly cpu: string;
  readonly counters: number;
  readonly events: readonly { readonly code: number; readonly name?: string }[];
}

suite("Arm's own event lists", () => {
  for (const [file, set] of Object.entries({
    'cortex-a53.json': cortexA53,
    'cortex-a57.json': cortexA57,
    'cortex-a72.json': cortexA72,
    'cortex-a76.json': cortexA76,
    'cortex-a78.json': cortexA78,
  })) {
    test(`${file} has every event of the set, by the same code, and counters for all at once`, async () => {
      const list = JSON.parse(await readFile(join(lists, file), 'utf8')) as ArmEventList;
      assert.ok(set.cores.includes(list.cpu));
      for (const event of set.events) {
        const listed = list.events.find(({ name }) => name === event.symbol);
        assert.equal(event.config, listed?.code, event.symbol);
        assert.equal(event.kind, 'raw');
      }
      // Cycles have a counter of their own.
      assert.ok(set.events.length <= list.counters + 1);
      assert.equal(set.events[0]?.name, 'cycles');
      const hasL3 = list.events.some(({ name }) => name === 'L3D_CACHE_REFILL');
      assert.equal(
        set.events.some(({ name }) => name.startsWith('l3.')),
        hasL3,
      );
    });
  }
});
