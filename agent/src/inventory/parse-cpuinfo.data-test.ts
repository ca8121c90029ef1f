import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { parseCpuinfo } from './parse-cpuinfo.ts';
import { readBoard } from './read-board.ts';

interface Expectation {
  readonly processors: number;
  readonly core: string;
  /** Undefined where this cpuinfo names no board: there the device tree does. */
  readonly board: string | undefined;
}

/** What a person reads in each of the recorded files. */
const expectations: Readonly<Record<string, Expectation>> = {
  'BCM2387B0-5.16.7-bcm2711.cpuinfo': {
    processors: 4,
    core: 'Cortex-A53',
    board: 'Raspberry Pi 3 Model B Plus Rev 1.3',
  },
  'BCM2710A1_RP3A0-5.10.63-v7.cpuinfo': {
    processors: 4,
    core: 'Cortex-A53',
    board: 'Raspberry Pi Zero 2 Rev 1.0',
  },
  'BCM2711-5.15.14-200.fc35.aarch64.cpuinfo': { processors: 4, core: 'Cortex-A72', board: undefined },
  'BCM2711B0-5.10.63-v8.cpuinfo': {
    processors: 4,
    core: 'Cortex-A72',
    board: 'Raspberry Pi 4 Model B Rev 1.4',
  },
  'BCM2711B0-5.10.78-v8.cpuinfo': {
    processors: 4,
    core: 'Cortex-A72',
    board: 'Raspberry Pi 4 Model B Rev 1.1',
  },
  'BCM2712-6.1.47.cpuinfo': { processors: 4, core: 'Cortex-A76', board: 'Raspberry Pi 5 Model B Rev 1.0' },
  'BCM2835-3.1.9+.cpuinfo': { processors: 1, core: 'ARM1176', board: 'Raspberry Pi Model B Rev 1' },
  'BCM2835-5.10.63+.cpuinfo': { processors: 1, core: 'ARM1176', board: 'Raspberry Pi Model B Rev 2' },
  'BCM2835-5.15.30.cpuinfo': { processors: 1, core: 'ARM1176', board: 'Raspberry Pi Zero Rev 1.3' },
  'BCM2836_BCM2709-3.18.4-v7.cpuinfo': {
    processors: 4,
    core: 'Cortex-A7',
    board: 'Raspberry Pi 2 Model B Rev 1.0',
  },
  'BCM2836_BCM2709-5.10.63-v7+.cpuinfo': {
    processors: 4,
    core: 'Cortex-A7',
    board: 'Raspberry Pi 2 Model B Rev 1.1',
  },
  'BCM2837_BCM2709-4.1.19-v7.cpuinfo': {
    processors: 4,
    core: 'Cortex-A53',
    board: 'Raspberry Pi 3 Model B Rev 1.2',
  },
  'BroadCom-BCM4708A0.cpuinfo': { processors: 2, core: 'Cortex-A9', board: 'Northstar Prototype' },
  'BroadCom-BCM4908-5.11.22.cpuinfo': { processors: 4, core: 'Brahma-B53', board: undefined },
  'NVidia-Tegra-Xavier-4.9.253-tegra.cpuinfo': { processors: 6, core: 'Carmel', board: undefined },
  'Nvidia-Jetson-AGX-Orin-5.10.65-tegra.cpuinfo': { processors: 12, core: 'Cortex-A78AE', board: undefined },
  'Nvidia-Jetson-Nano-4.9.253-tegra.cpuinfo': { processors: 4, core: 'Cortex-A57', board: undefined },
  'Nvidia-Jetson-Nano-5.10.60-station.cpuinfo': { processors: 4, core: 'Cortex-A57', board: undefined },
  'Nvidia-Jetson-Orin-NX-5.10.104-tegra.cpuinfo.txt': {
    processors: 6,
    core: 'Cortex-A78AE',
    board: undefined,
  },
  'Nvidia-Jetson-TX2-4.4.15-tegra-mode-0.cpuinfo': {
    processors: 6,
    core: 'Cortex-A57 + Denver-2',
    board: undefined,
  },
  'Nvidia-Jetson-TX2-4.4.15-tegra-mode-1.cpuinfo': { processors: 4, core: 'Cortex-A57', board: undefined },
  'Nvidia-Tegra-3-3.1.10-armv7l.cpuinfo': { processors: 4, core: 'Cortex-A9', board: 'cardhu' },
  'Nvidia-Tegra-K1-Tegra124-3.10.40.cpuinfo': {
    processors: 4,
    core: 'Cortex-A15',
    board: 'NVIDIA Jetson TK1',
  },
  'Nvidia-Tegra-K1-Tegra132.cpuinfo': { processors: 2, core: 'Denver', board: undefined },
  'Nvidia-Tegra-TX1-3.10.96-tegra.cpuinfo': { processors: 4, core: 'Cortex-A57', board: 'NVIDIA Jetson TX1' },
  'Nvidia-Tegra-X1-big-cores-active.cpuinfo': { processors: 4, core: 'Cortex-A57', board: undefined },
  'Nvidia-Tegra2.cpuinfo': { processors: 2, core: 'Cortex-A9', board: 'startablet' },
  'Nvidia-Xavier-4.9.108-tegra-mode-0.cpuinfo': { processors: 8, core: 'Carmel', board: undefined },
  'Nvidia-Xavier-4.9.108-tegra-mode-1.cpuinfo': { processors: 4, core: 'Carmel', board: undefined },
  'Nvidia_Jetson_Orin_NX-5.15.148-tegra.cpuinfo': { processors: 6, core: 'Cortex-A78AE', board: undefined },
};

test('every recorded cpuinfo of Raspberry Pis and Jetsons is read, with its cores and its board', async () => {
  const folder = testDataPath('devices/cpuinfo');
  const found: Record<string, Expectation> = {};
  for (const name of await readdir(folder)) {
    const cpuinfo = parseCpuinfo(await readFile(join(folder, name), 'utf8'));
    const { model } = await readBoard('/does/not/exist', cpuinfo);
    found[name] = { processors: cpuinfo.processors, core: cpuinfo.core ?? '', board: model };
    assert.ok(cpuinfo.features.length >= 5, `${name} has features`);
  }
  assert.deepEqual(found, expectations);
});
