import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { createTensor } from '../onnx/tensor.ts';
import { quantizeNet, randomItems, staticRecipe } from './fixtures/quantize-net.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';

const biases = Float32Array.from({ length: 6 }, (_, c) => c - 2.5);

/** Two layers of which the first hardly looks at its input: what it answers is its bias. */
function biasedNet(opType: 'Conv' | 'Gemm', size: number): ModelProto {
  const tail = opType === 'Conv' ? [1, 1] : [];
  const weights = (name: string, channels: number, inputs: number, scale: number) =>
    randomWeights(name, opType === 'Conv' ? [channels, inputs, ...tail] : [inputs, channels], scale);
  return buildModel({
    opset: 13,
    inputs: { x: [1, 3, ...tail.map(() => 4)] },
    outputs: { y: [1, 4, ...tail.map(() => 4)] },
    initialisers: [
      weights('w1', 6, 3, size),
      createTensor('b1', 'float32', [6], biases),
      weights('w2', 4, 6, 1),
      randomWeights('b2', [4]),
    ],
    nodes: [
      buildNode(opType, ['x', 'w1', 'b1'], ['h1']),
      buildNode('Relu', ['h1'], ['r1']),
      buildNode(opType, ['r1', 'w2', 'b2'], ['y']),
    ],
  });
}

describe('biases that are large beside their weights', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  const channelWise = staticRecipe('symmetric', {
    profile: 'tensorrt',
    activations: { elementType: 'int8', symmetric: true },
  });
  const tensorWise = staticRecipe('symmetric-per-tensor', {
    profile: 'tensorrt',
    activations: { elementType: 'int8', symmetric: true },
    weights: { granularity: 'per-tensor' },
  });
  for (const opType of ['Conv', 'Gemm'] as const) {
    for (const size of [1e-9]) {
      it(`are not clipped by ONNX Runtime, which makes them int32 unasked: ${opType}, weights of ${size}`, async () => {
        const recipes = [channelWise, tensorWise, staticRecipe('plain')];
        const items = randomItems(opType === 'Conv' ? [3, 4, 4] : [3], 4);
        const { variants, refused } = await quantizeNet(folder, biasedNet(opType, size), recipes, { items });
        assert.deepEqual(refused, []);
        for (const { recipe, record } of variants)
          assert.ok(record.outputSqnrDb! > 35, `${recipe}: ${record.outputSqnrDb} dB`);
      });
    }
  }
});
