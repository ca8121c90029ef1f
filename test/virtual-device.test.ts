import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';
import { projectFolder } from './support/test-data.ts';

const check = spawnSync(process.execPath, [join(projectFolder, 'deploy/virtual-device.ts'), 'check', 'pi3'], {
  encoding: 'utf8',
});

test('an emulated Raspberry Pi 3 is recognised, evaluates with the real kernels, and is never timed', {
  skip: check.status === 0 ? false : check.stderr.trim(),
}, async () => {
  await using lab = new Lab();
  await lab.startCoordinator();
  await lab.startAgent('native', '--backends', 'onnxruntime-cpu');
  await lab.startVirtualDevice('pi3', 'board', '--backends', 'onnxruntime-cpu');
  await writeGlyphs(join(lab.folder, 'glyphs.npz'), { count: 120 });
  await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
  await lab.qfleetOk('dataset', 'add', join(lab.folder, 'glyphs.npz'), '--split', '80');
  await lab.qfleetOk('quantize', 'glyphs', '--calibration', 'glyphs', '--recipe', 'int8-per-channel');
  const order = ['--model', 'glyphs', '--dataset', 'glyphs', '--duration', '100', '--repeats', '0', '--wait'];
  await lab.qfleetOk('run', 'create', ...order);
  const { devices, cells, comparisons } = await lab.report();
  const { inventory } = devices.find((device: { name: string }) => device.name === 'board');
  assert.equal(inventory.board, 'Raspberry Pi 3 Model B Rev 1.2');
  assert.equal(inventory.cpu.core, 'Cortex-A53');
  assert.equal(inventory.emulated.cpu, 'cortex-a53');
  const board = cells.filter((cell: { deviceName: string }) => cell.deviceName === 'board');
  assert.equal(board.length, 2);
  for (const cell of board) {
    assert.equal(cell.timing.verdict, 'emulated');
    for (const id of ['latency.p50', 'latency.p99', 'throughput', 'cold.create', 'memory.peak']) {
      assert.match(cell.readings[id].reason, /^emulated/, id);
    }
    assert.equal(cell.readings['accuracy.top1'].n, 40);
    assert.equal(cell.numerics.sameInputs, true, 'the board computed on the same bytes');
  }
  const fp32 = comparisons.find((one: { variant: { name: string } }) => one.variant.name === 'fp32');
  assert.equal(fp32.readings['transfer.flips.top1'].value, 0);
  assert.equal(fp32.outputs, 'different', 'other kernels round otherwise');
});
