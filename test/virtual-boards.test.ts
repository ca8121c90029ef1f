import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { virtualBoards } from '../deploy/virtual-device/boards.ts';
import { projectFolder, testDataPath } from './support/test-data.ts';

const script = join(projectFolder, 'deploy/virtual-device.ts');

/** What each board must be taken for, and the events that its core's counters would be asked for. */
const expectations = {
  pi3: {
    board: 'Raspberry Pi 3 Model B Rev 1.2',
    core: 'Cortex-A53',
    events: {
      'counter.cycles': 'perf raw:0x11 CPU_CYCLES',
      'counter.l2.refills': 'perf raw:0x17 L2D_CACHE_REFILL',
      'counter.l2.writebacks': 'perf raw:0x18 L2D_CACHE_WB',
    },
  },
  'jetson-nano': {
    board: 'NVIDIA Jetson Nano Developer Kit',
    core: 'Cortex-A57',
    recorded: 'devices/cpuinfo/Nvidia-Jetson-Nano-4.9.253-tegra.cpuinfo',
    events: {
      'counter.instructions': 'perf raw:0x08 INST_RETIRED',
      'counter.l1d.refills': 'perf raw:0x03 L1D_CACHE_REFILL',
      'counter.l2.refills': 'perf raw:0x17 L2D_CACHE_REFILL',
    },
  },
  pi5: {
    board: 'Raspberry Pi 5 Model B Rev 1.0',
    core: 'Cortex-A76',
    recorded: 'devices/cpuinfo/BCM2712-6.1.47.cpuinfo',
    events: {},
  },
} as const;

for (const [board, expected] of Object.entries(expectations)) {
  const check = spawnSync(process.execPath, [script, 'check', board], { encoding: 'utf8' });
  test(`an emulated ${board} is recognised, its counters' events are chosen, and nothing is timed`, {
    skip: check.status === 0 ? false : check.stderr.trim(),
  }, async () => {
    const args = [script, 'exec', board, 'probe', '-o', 'json', '--backends', 'onnxruntime-cpu'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
    const { inventory, probe, backends } = JSON.parse(stdout);
    assert.deepEqual(
      backends.map((one: { id: string; available: boolean }) => [one.id, one.available]),
      [['onnxruntime-cpu', true]],
    );
    assert.equal(inventory.board, expected.board);
    assert.equal(inventory.cpu.core, expected.core);
    assert.equal(inventory.cpu.processors, 4);
    assert.deepEqual(probe.latencyLadder, []);
    for (const reading of probe.readings) {
      assert.deepEqual([reading.status, reading.reason], ['unavailable', 'emulated'], reading.quantity);
    }
    for (const [quantity, method] of Object.entries(expected.events)) {
      const reading = probe.readings.find((one: { quantity: string }) => one.quantity === quantity);
      assert.equal(reading?.method, method);
    }
  });

  // No recording of a Pi 3 in 64 bits is at hand.
  if (!('recorded' in expected)) continue;
  const recorded = testDataPath(expected.recorded);
  test(`the processors of the emulated ${board} are described as a real one describes its own`, {
    skip: existsSync(recorded) ? false : `${recorded} is not here`,
  }, () => {
    const own = virtualBoards.find(({ id }) => id === board)!.cpuinfo;
    const blocks = readFileSync(recorded, 'utf8').split(/\n\s*\n/);
    assert.equal(
      fieldsOf(blocks[0]!)
        .filter((line) => !line.startsWith('processor:'))
        .join('\n'),
      fieldsOf(own).join('\n'),
    );
  });
}

/** `name: value` lines without the kernel's padding. */
function fieldsOf(block: string): string[] {
  return block
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s*:\s*/, ':').trim());
}
