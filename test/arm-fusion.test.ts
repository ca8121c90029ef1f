import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRandom } from '@qfleet/shared/random.ts';
import { writeNpz } from '../coordinator/src/cli/demo/write-npz.ts';
import { parseModel } from '../coordinator/src/onnx/parse-model.ts';
import { findVirtualBoard } from '../deploy/virtual-device/boards.ts';
import { ensureSysroot } from '../deploy/virtual-device/sysroot.ts';
import { Lab } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';
import { needsTestData, testDataPath } from './support/test-data.ts';

const model = 'models/mobilenetv2-7.onnx';
const runtime = createRequire(new URL('../coordinator/package.json', import.meta.url)).resolve(
  'onnxruntime-node',
);
const optimiser = fileURLToPath(new URL('./support/optimise-model.cjs', import.meta.url));
const check = spawnSync(process.execPath, [join(projectFolder, 'deploy/virtual-device.ts'), 'check', 'pi3'], {
  encoding: 'utf8',
});

test('MobileNetV2 per channel has all 52 convolutions and 10 additions on integers, on x64 and on an emulated Cortex-A53', {
  skip: check.status === 0 ? needsTestData(model).skip : check.stderr.trim(),
}, async () => {
  await using lab = new Lab();
  const images = join(lab.folder, 'noise.npz');
  const random = createRandom(1);
  const data = Uint8Array.from({ length: 2 * 224 * 224 * 3 }, () => random.below(256));
  await writeNpz(images, { images: { data, shape: [2, 224, 224, 3] } });
  const recipe = ['--recipe', 'int8-per-channel', '--preset', 'imagenet'];
  const files = [testDataPath(model), '--calibration', images];
  await lab.qfleetOk('quantize', ...files, ...recipe, '--out', lab.folder);
  const variant = join(lab.folder, 'int8-per-channel.onnx');
  const native = await countFused([process.execPath], variant);
  assert.deepEqual([native['QLinearConv'], native['QLinearAdd'], native['Conv']], [52, 10, undefined]);
  const arm = await countFused(emulatedNode(), variant);
  assert.deepEqual([arm['QLinearConv'], arm['QLinearAdd'], arm['Conv']], [52, 10, undefined]);
});

function emulatedNode(): string[] {
  const folder = process.env['QFLEET_VIRTUAL_DEVICES'] ?? join(projectFolder, '.qfleet/virtual-devices');
  mkdirSync(folder, { recursive: true });
  const board = findVirtualBoard('pi3')!;
  const { root, node } = ensureSysroot(board, folder, () => undefined);
  return ['qemu-aarch64-static', '-cpu', board.cpu, '-L', root, node];
}

/** Operators of the graph that ONNX Runtime runs, by type. An emulator crashes now and then: once more then. */
async function countFused(node: readonly string[], path: string): Promise<Record<string, number>> {
  const optimised = `${path}.optimised`;
  const [program, ...options] = [...node, optimiser, runtime, path, optimised];
  const run = () => promisify(execFile)(program!, options, { timeout: 120_000, killSignal: 'SIGKILL' });
  await run().catch(run);
  const counts: Record<string, number> = {};
  for (const { opType } of parseModel(await readFile(optimised)).graph!.node)
    counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}
