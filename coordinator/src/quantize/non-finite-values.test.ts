import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { createTensor } from '../onnx/tensor.ts';
import { quantizeNet, randomItems, staticRecipe } from './fixtures/quantize-net.ts';
import type { Quantization } from './quantize-model.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';

const size = 6;
const scalar = (name: string, value: number) => createTensor(name, 'float32', [], Float32Array.of(value));

/** Two tokens attend to each other under a mask: x · w → scores + mask → Softmax → · x → Gemm. */
function maskedNet(mask: number): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { x: [size, size] },
    outputs: { y: [size, 2] },
    initialisers: [
      scalar('zero', 0),
      scalar('some', 0.4),
      scalar('masked', mask),
      ...['wq', 'wk', 'wv'].map((name) => randomWeights(name, [size, size])),
      randomWeights('wc', [size, 2]),
    ],
    nodes: [
      buildNode('MatMul', ['x', 'wq'], ['q']),
      buildNode('MatMul', ['x', 'wk'], ['k']),
      buildNode('MatMul', ['x', 'wv'], ['v']),
      buildNode('Transpose', ['k'], ['kt']),
      buildNode('MatMul', ['q', 'kt'], ['scores']),
      buildNode('Greater', ['x', 'some'], ['is_masked']),
      buildNode('Where', ['is_masked', 'masked', 'zero'], ['mask']),
      buildNode('Mul', ['scores', 'some'], ['scaled']),
      buildNode('Add', ['scaled', 'mask'], ['sum']),
      buildNode('Softmax', ['sum'], ['p'], [intAttribute('axis', -1)]),
      buildNode('MatMul', ['p', 'v'], ['context']),
      buildNode('MatMul', ['context', 'wc'], ['y']),
    ],
  });
}

/** Gemm, something between, Gemm. */
function chain(
  middle: readonly NodeProto[],
  last: string,
  output: readonly (number | string)[] = [1, 2],
): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { x: [1, size] },
    outputs: { y: output },
    initialisers: [
      randomWeights('w1', [size, size]),
      randomWeights('w2', [size, 2]),
      randomWeights('w3', [size, size]),
      scalar('zero', 0),
      scalar('infinity', Number.POSITIVE_INFINITY),
      scalar('large', 2e38),
      scalar('small', 1e-38),
      createTensor('first', 'int64', [1], BigInt64Array.of(0n)),
    ],
    nodes: [buildNode('Gemm', ['x', 'w1'], ['hidden']), ...middle, buildNode('Gemm', [last, 'w2'], ['y'])],
  });
}

describe('values that float32 can hardly hold', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));
  const quantize = (
    model: ModelProto,
    recipes: Parameters<typeof quantizeNet>[2],
    rows = 1,
  ): Promise<Quantization> => quantizeNet(folder, model, recipes, { items: randomItems([rows, size], 8) });
  const plain = staticRecipe('plain');

  for (const mask of [-3.4028234663852886e38, Number.NEGATIVE_INFINITY]) {
    it(`a mask of ${mask} that nothing quantizes keeps no recipe from being made`, async () => {
      const goal = staticRecipe('goal', { goal: { maxFlipsPoints: 100 } });
      const made = await quantize(maskedNet(mask), [plain, goal], size);
      // Several rows of scores are no single answer, so a goal in changed answers does not fit: for that reason alone.
      assert.deepEqual(
        made.refused.map(({ recipe, error }) => [recipe, /class scores/.test(error.message)]),
        [['goal', true]],
      );
      assert.ok(made.variants[0]!.record.outputSqnrDb! > 25);
    });
  }

  it('activations whose sum overflows have a range', async () => {
    const middle = [
      buildNode('Sigmoid', ['hidden'], ['gate']),
      buildNode('Mul', ['gate', 'large'], ['grown']),
    ];
    const net = chain(middle, 'grown');
    Object.assign(net.graph!.node.at(-1)!, { name: 'scaled', output: ['scaled'] });
    net.graph!.node.push(buildNode('Mul', ['scaled', 'small'], ['y']));
    const { variants, refused } = await quantize(net, [plain]);
    assert.deepEqual(refused, []);
    assert.ok(variants[0]!.record.outputSqnrDb! > 25, `${variants[0]!.record.outputSqnrDb} dB`);
  });

  it('a tensor without elements takes the range of nothing', async () => {
    const middle = [
      buildNode('Slice', ['hidden', 'first', 'first', 'first'], ['past']),
      buildNode('MatMul', ['past', 'w3'], ['worked']),
      buildNode('Concat', ['worked', 'hidden'], ['joined'], [intAttribute('axis', 0)]),
    ];
    const { variants, refused } = await quantize(chain(middle, 'joined', ['k', 2]), [plain, 'int8-s8s8-sym']);
    assert.deepEqual(refused, []);
    for (const { record } of variants) assert.ok(record.outputSqnrDb! > 25, `${record.outputSqnrDb} dB`);
  });

  it('what makes an infinity is named: a constant of the model, or an operator', async () => {
    const causes: [NodeProto[], string, RegExp][] = [
      [
        [
          buildNode('Greater', ['hidden', 'zero'], ['up']),
          buildNode('Where', ['up', 'infinity', 'hidden'], ['spoilt']),
        ],
        'spoilt',
        /Tensor "spoilt".*calibration input 0: the model's constant "infinity" brings it in at Where "spoilt"/,
      ],
      [
        [
          buildNode('Relu', ['hidden'], ['up']),
          buildNode('Log', ['up'], ['logs']),
          buildNode('Neg', ['logs'], ['spoilt']),
        ],
        'spoilt',
        /Tensor "spoilt".*calibration input 0: Log "logs" makes it of finite values/,
      ],
    ];
    for (const [middle, last, message] of causes) {
      const { refused } = await quantize(chain(middle, last), [plain]);
      assert.match(refused[0]!.error.message, message);
      assert.doesNotMatch(refused[0]!.error.hint!, /dataset/);
    }
  });
});
