import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { realModels } from '../../../test/support/real-models.ts';
import { intAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { mobileNet } from './fixtures/mobile-net.ts';
import { inspectModel } from './inspect-model.ts';
import { readModel } from './read-model.ts';
import { createTensor } from './tensor.ts';

describe('inspectModel', () => {
  it('counts multiply-accumulates and bytes of a small network by hand', async () => {
    const model = buildModel({
      opset: 13,
      inputs: { x: ['batch', 4, 8, 8] },
      outputs: { y: ['batch', 5] },
      initialisers: [
        createTensor('wc', 'float32', [6, 2, 3, 3], new Float32Array(108)),
        createTensor('wg', 'float32', [5, 6], new Float32Array(30)),
      ],
      nodes: [
        buildNode('Conv', ['x', 'wc'], ['c'], [intAttribute('group', 2)]),
        buildNode('GlobalAveragePool', ['c'], ['p']),
        buildNode('Flatten', ['p'], ['f']),
        buildNode('Gemm', ['f', 'wg'], ['y'], [intAttribute('transB', 1)]),
      ],
    });
    const inspection = await inspectModel(model);
    const conv = 6 * 6 * 6 * (2 * 3 * 3);
    assert.equal(inspection.macs, conv + 5 * 6);
    assert.equal(inspection.parameters, 138);
    assert.deepEqual(inspection.weightBytes, { float32: 552 });
    assert.equal(inspection.costs[0]!.compulsoryBytes, 4 * (4 * 64 + 108 + 6 * 36));
    assert.equal(inspection.minimumBytes, 4 * (4 * 64 + 138 + 5));
    assert.deepEqual(inspection.inputs, [{ name: 'x', elementType: 'float32', shape: ['batch', 4, 8, 8] }]);
  });

  it('finds the output channels whose int8 weights overflow 16 bits in pairs', async () => {
    // Channels along the last axis; pairs down each column.
    const weights = Int8Array.from([100, 64, 100, -100, 28, 65, -100, -29, 0, 0, 0, 0]);
    const model = buildModel({
      opset: 13,
      inputs: { x: [1, 3] },
      outputs: { y: [1, 4] },
      initialisers: [
        createTensor('w', 'int8', [3, 4], weights),
        createTensor('s', 'float32', [], Float32Array.of(0.1)),
        createTensor('z', 'int8', [], Int8Array.of(0)),
        createTensor('xz', 'uint8', [], Uint8Array.of(0)),
      ],
      nodes: [
        buildNode('QuantizeLinear', ['x', 's', 'xz'], ['xq']),
        buildNode('DequantizeLinear', ['xq', 's', 'xz'], ['xd']),
        buildNode('DequantizeLinear', ['w', 's', 'z'], ['wd']),
        buildNode('MatMul', ['xd', 'wd'], ['y']),
      ],
    });
    const { saturation } = await inspectModel(model);
    assert.deepEqual(saturation.unknown, []);
    assert.deepEqual(saturation.risks, [
      { node: 'y', channels: 4, channelsAtRisk: 2, channelsWrongAt255: 2, worstPairSum: 255 * 129 },
    ]);
  });

  it('counts MobileNetV2 as its authors do', async () => {
    const { macs, operators } = await inspectModel(mobileNet());
    // 300 million in the paper (Sandler et al., 2018, table 4).
    assert.equal(Math.round(macs! / 1e6), 301);
    assert.equal(operators['Conv'], 52);
  });

  it('leaves the sum out, and says why, where operators cannot be counted', async () => {
    const { macs, notes, inputs } = await inspectModel((await readModel(realModels['silero-vad'])).model);
    assert.equal(macs, undefined);
    assert.match(notes.join(' '), /If "If_0"/);
    assert.deepEqual(
      inputs.map(({ elementType }) => elementType),
      ['float32', 'float32', 'int64'],
    );
  });
});
