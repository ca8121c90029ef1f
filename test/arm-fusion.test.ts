import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRandom } from '@qfleet/shared/random.ts';
import { writeNpz } from '../coordinator/src/cli/demo/write-npz.ts';
import { mobileNet } from '../coordinator/src/onnx/fixtures/mobile-net.ts';
import { parseModel } from '../coordinator/src/onnx/parse-model.ts';
import { writeModel } from '../coordinator/src/onnx/write-model.ts';
import { findVirtualBoard } from '../deploy/virtual-device/boards.ts';
import { boardsFolder } from '../deploy/virtual-device/boards-folder.ts';
import { ensureEmulator } from '../deploy/virtual-device/emulator.ts';
import { ensureSysroot } from '../deploy/virtual-device/sysroot.ts';
import { whyNoBoards } from './support/emulated-boards.ts';
import { Lab } from './support/lab.ts';

const runtime = createRequire(new URL('../coordinator/package.json', import.meta.url)).resolve(
  'onnxruntime-node',
);
const optimiser = fileURLToPath(new URL('./support/optimise-model.cjs', import.meta.url));

test('MobileNetV2 per channel has all 52 convolutions and 10 additions on integers, on x64 and on an emulated Cortex-A53', {
  skip: whyNoBoards('pi3'),
}, async () => {
  await using lab = new Lab();
  const images = join(lab.folder, 'noise.npz');
  const random = createRandom(1);
  const data = Uint8Array.from({ length: 2 * 64 * 64 * 3 }, () => random.below(256));
  await writeNpz(images, { images: { data, shape: [2, 64, 64, 3] } });
  const recipe = ['--recipe', 'int8-min-max', '--preset', 'imagenet'];
  const model = join(lab.folder, 'mobilenet.onnx');
  writeFileSync(model, writeModel(mobileNet({ width: 0.25, size: 64 })));
  const files = [model, '--calibration', images];
  await lab.qfleetOk('quantize', ...files, ...recipe, '--out', lab.folder);
  const variant = join(lab.folder, 'int8-min-max.onnx');
  const native = await countFused([process.execPath], variant);
  assert.deepEqual([native['QLinearConv'], native['QLinearAdd'], native['Conv']], [52, 10, undefined]);
  const arm = await countFused(emulatedNode(), variant);
  assert.deepEqual([arm['QLinearConv'], arm['QLinearAdd'], arm['Conv']], [52, 10, undefined]);
});

function emulatedNode(): string[] {
  mkdirSync(boardsFolder, { recursive: true });
  const board = findVirtualBoard('pi3')!;
  const { path } = ensureEmulator(board.architecture, boardsFolder, () => undefined);
  const { root, node } = ensureSysroot(board, boardsFolder, () => undefined);
  return [path, '-cpu', board.cpu, '-L', root, node];
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
