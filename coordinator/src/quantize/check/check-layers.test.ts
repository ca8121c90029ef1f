import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clone, create } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, ValueInfoProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import type { LayerCheck } from '../../artefacts/artefacts.ts';
import { worstActivations } from '../../artefacts/worst-activations.ts';
import { intAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { hopelessLayerNet } from '../fixtures/hopeless-layer-net.ts';
import { type FloatItems, quantizeNet, randomItems, readParsed } from '../fixtures/quantize-net.ts';
import { residualNet } from '../fixtures/residual-net.ts';
import { randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { countOptimised } from '../rewrite/fixtures/run-model.ts';

describe('the check of every layer', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  async function check(model: ModelProto, recipe: string, items: FloatItems): Promise<LayerCheck> {
    const { variants, refused } = await quantizeNet(folder, model, [recipe], { items });
    assert.deepEqual(refused, []);
    return variants[0]!.record.layerCheck!;
  }

  it('finds kernels and simulation equal where all numbers are whole', async () => {
    const model = buildModel({
      opset: 13,
      inputs: { image: [1, 1, 2, 2] },
      outputs: { y: [1, 2] },
      initialisers: [
        createTensor('w1', 'float32', [1, 1, 1, 1], Float32Array.of(127)),
        createTensor('w2', 'float32', [2, 4], Float32Array.of(127, 0, -127, 0, 0, 127, 0, 0)),
      ],
      nodes: [
        buildNode('Conv', ['image', 'w1'], ['c1']),
        buildNode('Flatten', ['c1'], ['flat']),
        buildNode('Gemm', ['flat', 'w2'], ['y'], [intAttribute('transB', 1)]),
      ],
    });
    // Scale 1 for inputs and weights, 127 for what the convolution gives.
    const items = [
      [0, 255, 17, 100],
      [3, 1, 254, 127],
    ].map((item) => Float32Array.from(item));
    const found = await check(model, 'int8-min-max', { shape: [1, 2, 2], items });
    assert.deepEqual([found.inputs, found.activations.length], [2, 3]);
    for (const layer of [...found.activations, ...found.outputs])
      assert.deepEqual(layer, { tensor: layer.tensor, codesDiffer: 0 });
    assert.deepEqual(
      found.outputs.map(({ tensor }) => tensor),
      ['y'],
    );
  });

  it('names the layer that was made bad on purpose as the worst', async () => {
    const found = await check(hopelessLayerNet(), 'int8-per-tensor', randomItems([8], 12));
    assert.equal(found.inputs, 4);
    const [worst, ...others] = worstActivations(found);
    assert.equal(worst!.tensor, 'r2');
    assert.ok(worst!.simulationSqnrDb! < 6, `${worst!.simulationSqnrDb}`);
    for (const { tensor, simulationSqnrDb } of others)
      assert.ok(simulationSqnrDb! > 25, `${tensor} ${simulationSqnrDb}`);
    // As they are computed.
    assert.deepEqual(
      found.activations.map(({ tensor }) => tensor),
      ['x', 'r1', 'r2'],
    );
    // Both compute the same, however little that has to do with the float model.
    assert.ok((found.outputs[0]!.kernelSqnrDb ?? 100) > 40, `${found.outputs[0]!.kernelSqnrDb}`);
    assert.ok(found.outputs[0]!.simulationSqnrDb! < 15);
  });

  it('finds kernels and simulation close for the residual network, in every static format', async () => {
    const recipes = ['int8-per-tensor', 'int8-min-max', 'int8-u8u8', 'int8-s8s8-sym', 'int8-a16w8'];
    const { variants } = await quantizeNet(folder, residualNet(), recipes, {
      items: randomItems([3, 8, 8], 8, 2),
    });
    assert.equal(variants.length, recipes.length);
    for (const { recipe, record } of variants) {
      const { outputs, activations } = record.layerCheck!;
      assert.ok(activations.length >= 4, recipe);
      // A code is half its scale of the next Add's: many sums lie in the middle of two codes, and either is right.
      for (const { tensor, kernelSqnrDb = 200 } of activations)
        assert.ok(kernelSqnrDb > 30, `${recipe} ${tensor}: ${kernelSqnrDb} dB`);
      const { simulationSqnrDb, kernelSqnrDb = 200 } = outputs[0]!;
      assert.ok(kernelSqnrDb > simulationSqnrDb! - 10, `${recipe}: ${kernelSqnrDb}, ${simulationSqnrDb} dB`);
    }
  });

  // Not so int8 activations: on x64 ONNX Runtime makes them uint8 inside, which it cannot where they are outputs.
  it('leaves fusion as it is by exposing codes', async () => {
    const { variants } = await quantizeNet(
      folder,
      residualNet(),
      ['int8-per-tensor', 'int8-min-max', 'int8-u8u8', 'int8-a16w8'],
      { items: randomItems([3, 8, 8], 4, 2) },
    );
    for (const { recipe, path } of variants) {
      const plain = await readParsed(path);
      const tapped = clone(ModelProtoSchema, plain);
      for (const { opType, output } of plain.graph!.node)
        if (opType === 'QuantizeLinear')
          tapped.graph!.output.push(create(ValueInfoProtoSchema, { name: output[0]! }));
      assert.ok(tapped.graph!.output.length > 3);
      assert.deepEqual(await countOptimised(tapped), await countOptimised(plain), recipe);
    }
  });

  it('copes with outputs that other operators read, and with names that are numbers', async () => {
    const model = buildModel({
      opset: 13,
      inputs: { '0': [1, 3, 4, 4] },
      outputs: { '5': [1, 2, 4, 4], '12': [1, 4, 4, 4] },
      initialisers: [randomWeights('w1', [4, 3, 1, 1]), randomWeights('w2', [2, 4, 1, 1])],
      nodes: [buildNode('Conv', ['0', 'w1'], ['12']), buildNode('Conv', ['12', 'w2'], ['5'])],
    });
    const found = await check(model, 'int8-min-max', randomItems([3, 4, 4], 4));
    assert.deepEqual(
      found.outputs.map(({ tensor }) => tensor),
      ['5', '12'],
    );
    for (const { tensor, simulationSqnrDb = 200 } of found.outputs)
      assert.ok(simulationSqnrDb > 25, `${tensor} ${simulationSqnrDb}`);
  });
});
