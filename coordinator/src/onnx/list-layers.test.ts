import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { OperatorSetIdProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { mobileNet } from './fixtures/mobile-net.ts';
import { inspectModel } from './inspect-model.ts';
import { listLayers } from './list-layers.ts';
import { createTensor } from './tensor.ts';

test('MobileNetV2 has 53 layers, each with its weights and the names that a fusion leaves', async () => {
  const model = mobileNet();
  const { costs, macs } = await inspectModel(model);
  const layers = listLayers(model, costs);
  assert.equal(layers.length, 53);
  assert.equal(
    layers.reduce((sum, layer) => sum + layer.macs, 0),
    macs,
  );
  // 3.5 M parameters, of which some 34,000 are biases and normalisation.
  const weights = layers.reduce((sum, layer) => sum + layer.weights, 0);
  assert.ok(weights > 3.4e6 && weights < 3.5e6, String(weights));
  assert.equal(layers[0]?.weights, 32 * 3 * 3 * 3);
  assert.ok(layers[0].aliases.length > 1);
});

test('a product with 4-bit weights is a layer with its work and weights', async () => {
  const node = buildNode(
    'MatMulNBits',
    ['x', 'w', 's'],
    ['y'],
    [intAttribute('K', 64), intAttribute('N', 8), intAttribute('bits', 4), intAttribute('block_size', 32)],
  );
  node.domain = 'com.microsoft';
  const model = buildModel({
    opset: 21,
    inputs: { x: [3, 64] },
    outputs: { y: [3, 8] },
    initialisers: [
      createTensor('w', 'uint8', [8, 2, 16], new Uint8Array(256)),
      createTensor('s', 'float32', [8, 2], new Float32Array(16).fill(0.1)),
    ],
    nodes: [node],
  });
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }));
  const { costs } = await inspectModel(model);
  const [layer] = listLayers(model, costs);
  assert.deepEqual([layer?.macs, layer?.weights], [3 * 64 * 8, 64 * 8]);
});
