import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { intAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { createTensor } from '../../onnx/tensor.ts';
import { residualNet } from '../fixtures/residual-net.ts';
import { randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { findEqualizablePairs } from './find-equalizable-pairs.ts';

describe('findEqualizablePairs', () => {
  const model = buildModel({
    opset: 13,
    inputs: { image: [1, 4, 6, 6] },
    outputs: { y: [1, 8, 6, 6] },
    initialisers: [
      createTensor('zero', 'float32', [], Float32Array.of(0)),
      createTensor('six', 'float32', [], Float32Array.of(6)),
      randomWeights('w1', [8, 4, 1, 1]),
      randomWeights('w2', [8, 1, 1, 1]),
      randomWeights('w3', [8, 8, 1, 1]),
      randomWeights('w4', [8, 8, 1, 1]),
    ],
    nodes: [
      buildNode('Conv', ['image', 'w1'], ['c1']),
      buildNode('Clip', ['c1', 'zero', 'six'], ['r1']),
      buildNode('Conv', ['r1', 'w2'], ['c2'], [intAttribute('group', 8)]),
      buildNode('Relu', ['c2'], ['r2']),
      buildNode('Conv', ['r2', 'w3'], ['c3']),
      buildNode('Conv', ['c3', 'w4'], ['y']),
    ],
  });

  it('finds neighbours in a chain with the bound between them and whether negative values get through', () => {
    const found = findEqualizablePairs(model.graph!).map(({ first, second, cap, isLinear }) => ({
      names: `${first.name} ${second.name}`,
      cap,
      isLinear,
    }));
    assert.deepEqual(found, [
      { names: 'c1 c2', cap: 6, isLinear: false },
      { names: 'c2 c3', cap: Number.POSITIVE_INFINITY, isLinear: false },
      { names: 'c3 y', cap: Number.POSITIVE_INFINITY, isLinear: true },
    ]);
  });

  it('finds none around a residual connection', () => {
    assert.deepEqual(findEqualizablePairs(residualNet().graph!), []);
  });
});
