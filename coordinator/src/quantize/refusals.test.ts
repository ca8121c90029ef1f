import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { createTensor } from '../onnx/tensor.ts';
import { quantizeNet, randomItems } from './fixtures/quantize-net.ts';
import type { Quantization } from './quantize-model.ts';
import { randomValues, randomWeights } from './rewrite/fixtures/random-tensor.ts';

const rows = 4;
const size = 8;
const float = (name: string, f: number): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f });

/** Two Gemm with a Relu between them; both have the same weights, bias and attributes. */
function gemmNet(bias: TensorProto, attributes: AttributeProto[]): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { x: [rows, size] },
    outputs: { y: [rows, size] },
    initialisers: [createTensor('w', 'float32', [size, size], randomValues([size, size])), bias],
    nodes: [
      buildNode('Gemm', ['x', 'w', 'b'], ['hidden'], attributes),
      buildNode('Relu', ['hidden'], ['r']),
      buildNode('Gemm', ['r', 'w', 'b'], ['y'], attributes),
    ],
  });
}

describe('Gemm in unusual forms, and what is refused', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));
  const quantize = (model: ModelProto, recipes: string[], shape = [rows, size]): Promise<Quantization> =>
    quantizeNet(folder, model, recipes, { items: randomItems(shape, 4) });

  const row = randomWeights('b', [size]);
  const integer: Readonly<Record<string, ModelProto>> = {
    'alpha and beta': gemmNet(row, [float('alpha', 2), float('beta', 0.5)]),
    'alpha, transposed weights': gemmNet(row, [float('alpha', -0.25), intAttribute('transB', 1)]),
    'a scalar bias': gemmNet(createTensor('b', 'float32', [], Float32Array.of(0.5)), []),
    'a bias [1, 1] and beta': gemmNet(createTensor('b', 'float32', [1, 1], Float32Array.of(0.5)), [
      float('beta', 3),
    ]),
  };
  for (const [what, model] of Object.entries(integer)) {
    it(`${what}: integer, and float as before`, async () => {
      const { variants, refused } = await quantize(model, ['fp32', 'int8-min-max', 'int8-dyn', 'int4-wo']);
      assert.deepEqual(refused, []);
      const [fp32, ...quantized] = variants;
      assert.ok((fp32!.record.outputSqnrDb ?? 200) > 120, `${fp32!.record.outputSqnrDb} dB`);
      for (const { recipe, record } of quantized) {
        assert.equal(record.quantizedOperators['Gemm'], 2, recipe);
        assert.ok(
          record.outputSqnrDb! > (recipe === 'int4-wo' ? 10 : 30),
          `${recipe}: ${record.outputSqnrDb} dB`,
        );
      }
    });
  }

  it('says why each operator stays float', async () => {
    const column = gemmNet(createTensor('b', 'float32', [rows, 1], randomValues([rows, 1])), []);
    const left = buildModel({
      opset: 13,
      inputs: { x: [size, 3] },
      outputs: { y: [5, 3] },
      initialisers: [randomWeights('w', [5, size])],
      nodes: [buildNode('MatMul', ['w', 'x'], ['y'])],
    });
    const expected: [ModelProto, number[], RegExp][] = [
      [
        column,
        [rows, size],
        /^There is nothing to quantize\. Gemm "hidden" and 1 more stay float: its bias is not one constant value per output channel\.$/,
      ],
      [
        left,
        [size, 3],
        /MatMul "y" stays float: its weights are its first input, and integer kernels take them/,
      ],
    ];
    for (const [model, shape, message] of expected) {
      const { refused } = await quantize(model, ['int8-min-max'], shape);
      assert.match(refused[0]!.error.message, message);
      assert.doesNotMatch(refused[0]!.error.hint!, /Float16|[Rr]ecurrent/);
    }
  });

  it('gives the reasons of float16 and dynamic recipes too, and no advice that does not help', async () => {
    const lstm = buildModel({
      opset: 14,
      inputs: { x: [5, 1, 3] },
      outputs: { y: [5, 1, 1, 4] },
      initialisers: [randomWeights('w', [1, 16, 3]), randomWeights('r', [1, 16, 4])],
      nodes: [buildNode('LSTM', ['x', 'w', 'r'], ['y'], [intAttribute('hidden_size', 4)])],
    });
    const half = await quantize(lstm, ['fp16'], [5, 1, 3]);
    assert.match(half.refused[0]!.error.message, /LSTM "y" stays float32: /);
    const upwards = buildModel({
      opset: 13,
      inputs: { x: [1, 3, 4, 4] },
      outputs: { y: [1, 2, 8, 8] },
      initialisers: [randomWeights('w', [3, 2, 2, 2])],
      nodes: [buildNode('ConvTranspose', ['x', 'w'], ['y'], [intsAttribute('strides', [2, 2])])],
    });
    const { refused, variants } = await quantize(
      upwards,
      ['int8-dyn', 'int8-min-max', 'int8-s8s8-sym'],
      [3, 4, 4],
    );
    const said = new Map(refused.map(({ recipe, error }) => [recipe, `${error.message} ${error.hint}`]));
    const [dynamic, plain] = ['int8-dyn', 'int8-min-max'].map((recipe) => said.get(recipe));
    assert.match(dynamic!, /ConvTranspose "y" stays float: ONNX Runtime has no integer kernel for it/);
    assert.doesNotMatch(dynamic!, /static/);
    assert.match(plain!, /ConvTranspose "y" stays float: onnxruntime-cpu-x64 has no integer kernel/);
    assert.deepEqual(
      variants.map(({ recipe }) => recipe),
      ['int8-s8s8-sym'],
    );
  });
});
