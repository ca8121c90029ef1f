import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { whyNoBoards } from './support/emulated-boards.ts';
import { projectFolder } from './support/project-folder.ts';

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
    events: {
      'counter.instructions': 'perf raw:0x08 INST_RETIRED',
      'counter.l1d.refills': 'perf raw:0x03 L1D_CACHE_REFILL',
      'counter.l2.refills': 'perf raw:0x17 L2D_CACHE_REFILL',
    },
  },
  pi5: {
    board: 'Raspberry Pi 5 Model B Rev 1.0',
    core: 'Cortex-A76',
    events: {},
  },
} as const;

describe('emulated boards', { skip: whyNoBoards(...Object.keys(expectations)) }, () => {
  for (const [board, expected] of Object.entries(expectations)) {
    test(`an emulated ${board} is recognised, its counters' events are chosen, and nothing is timed`, async () => {
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
  }
});
