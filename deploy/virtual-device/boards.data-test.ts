import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testDataPath } from '../../test/support/test-data.ts';
import { findVirtualBoard } from './boards.ts';

/** No recording of a Pi 3 in 64 bits is at hand. */
const recordings = {
  'jetson-nano': 'devices/cpuinfo/Nvidia-Jetson-Nano-4.9.253-tegra.cpuinfo',
  pi5: 'devices/cpuinfo/BCM2712-6.1.47.cpuinfo',
};

for (const [board, recording] of Object.entries(recordings)) {
  test(`the processors of the emulated ${board} are described as a real one describes its own`, () => {
    const own = findVirtualBoard(board)!.cpuinfo;
    const [first] = readFileSync(testDataPath(recording), 'utf8').split(/\n\s*\n/);
    assert.deepEqual(
      fieldsOf(first!).filter((line) => !line.startsWith('processor:')),
      fieldsOf(own),
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
