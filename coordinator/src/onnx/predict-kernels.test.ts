import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectFolder } from '../../../test/support/project-folder.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { mobileNet } from './fixtures/mobile-net.ts';
import { parseModel } from './parse-model.ts';
import { predictKernels } from './predict-kernels.ts';

function countExpected(model: ModelProto): { layers: number; x64: number; arm: number } {
  const kernels = [...predictKernels(model.graph!).values()];
  const count = (target: 'x64' | 'arm'): number =>
    kernels.filter((expected) => expected[target] === 'integer').length;
  return { layers: kernels.length, x64: count('x64'), arm: count('arm') };
}

/** Files that ONNX Runtime's own quantizer made of one network of three convolutions and a product. */
const counts = {
  // With int8 activations x64 fuses one of the three convolutions, and the product.
  'ort-qdq-s8s8-per-tensor.onnx': { layers: 4, x64: 2, arm: 4 },
  'ort-qdq-u8s8-per-channel.onnx': { layers: 4, x64: 4, arm: 4 },
};

for (const [name, expected] of Object.entries(counts)) {
  test(`the layers of ${name} that run on integers, on x64 and on Arm`, async () => {
    const bytes = await readFile(join(projectFolder, 'test/foreign', name));
    assert.deepEqual(countExpected(parseModel(bytes)), expected);
  });
}

test('nothing of a float model is expected on integers', () => {
  assert.deepEqual(countExpected(mobileNet()), { layers: 53, x64: 0, arm: 0 });
});
