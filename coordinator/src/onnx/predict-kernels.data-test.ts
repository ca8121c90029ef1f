import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { parseModel } from './parse-model.ts';
import { predictKernels } from './predict-kernels.ts';

const quantized = testDataPath('models/mobilenetv2-7-ort-qdq-int8.onnx');
const float = testDataPath('models/mobilenetv2-7.onnx');

async function countExpected(path: string): Promise<{ layers: number; x64: number; arm: number }> {
  const kernels = [...predictKernels(parseModel(await readFile(path)).graph!).values()];
  const count = (target: 'x64' | 'arm'): number =>
    kernels.filter((expected) => expected[target] === 'integer').length;
  return { layers: kernels.length, x64: count('x64'), arm: count('arm') };
}

test('of MobileNetV2 by ONNX Runtime’s quantizer (S8S8) 37 convolutions fuse on x64 and all 52 on Arm', async () => {
  // 52 convolutions and the classifier, which fuses everywhere.
  assert.deepEqual(await countExpected(quantized), { layers: 53, x64: 38, arm: 53 });
});

test('nothing of a float model is expected on integers', async () => {
  assert.deepEqual(await countExpected(float), { layers: 53, x64: 0, arm: 0 });
});
