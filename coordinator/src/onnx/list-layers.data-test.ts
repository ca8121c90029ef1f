import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { inspectModel } from './inspect-model.ts';
import { listLayers } from './list-layers.ts';
import { readModel } from './read-model.ts';

test('MobileNetV2 has 53 layers, each with its weights and the names that a fusion leaves', async () => {
  const { model } = await readModel(testDataPath('models/mobilenetv2-7.onnx'));
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
