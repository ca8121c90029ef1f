import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clone } from '@bufbuild/protobuf';
import { createRandom } from '@qfleet/shared/random.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute } from '../../onnx/attribute.ts';
import { buildModel, buildNode } from '../../onnx/fixtures/build-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import { quantizeNet, randomItems } from '../fixtures/quantize-net.ts';
import { buildBranch, buildConditional } from '../rewrite/fixtures/build-subgraph.ts';
import { randomValues, randomWeights } from '../rewrite/fixtures/random-tensor.ts';
import { type Feeds, floats, runModels } from '../rewrite/fixtures/run-model.ts';
import { type EqualizedModel, equalize } from './equalize.ts';

const shape = [1, 4, 6, 6];
const images: Feeds[] = Array.from({ length: 5 }, () => ({ image: floats(shape, randomValues(shape, 2)) }));

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function run(model: ModelProto, feeds: readonly Feeds[] = images): Promise<EqualizedModel> {
  return await equalize(model, await inferShapes(model), () => stream(feeds), {});
}

/** Weights whose output channels are of very different size: channel c has a factor of 4^(c mod 4 - 2). */
function unevenWeights(name: string, dims: readonly number[], seed: number): TensorProto {
  const random = createRandom(seed);
  const inner = dims.slice(1).reduce((product, size) => product * size, 1);
  const length = dims[0]! * inner;
  const values = Float32Array.from(
    { length },
    (_, i) => (random.next() - 0.5) * 4 ** ((Math.floor(i / inner) % 4) - 2),
  );
  return createTensor(name, 'float32', dims, values);
}

const six = [
  createTensor('zero', 'float32', [], Float32Array.of(0)),
  createTensor('six', 'float32', [], Float32Array.of(6)),
];
const pads = intsAttribute('pads', [1, 1, 1, 1]);

function chain(
  middle: readonly NodeProto[],
  last: string,
  more: {
    readonly initialisers?: readonly TensorProto[];
    readonly outputs?: Readonly<Record<string, (number | string)[]>>;
    readonly second?: NodeProto;
  } = {},
): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { image: shape },
    outputs: more.outputs ?? { y: [1, 3, 'h', 'w'] },
    initialisers: [
      unevenWeights('w1', [8, 4, 3, 3], 1),
      randomWeights('b1', [8], 2),
      randomWeights('w2', [3, 8, 1, 1]),
      randomWeights('b2', [3]),
      ...six,
      ...(more.initialisers ?? []),
    ],
    nodes: [
      buildNode('Conv', ['image', 'w1', 'b1'], ['c1'], [pads]),
      ...middle,
      more.second ?? buildNode('Conv', [last, 'w2', 'b2'], ['y']),
    ],
  });
}

async function assertSameFunction(
  before: ModelProto,
  after: ModelProto,
  feeds: readonly Feeds[] = images,
): Promise<void> {
  for (const each of feeds) {
    const [old, found] = await runModels([before, after], each);
    for (const [name, { data }] of Object.entries(old!)) {
      const values = [...(data as Float32Array)];
      const most = Math.max(...values.map(Math.abs)) * 2e-5;
      for (const [i, value] of values.entries()) {
        const other = Number(found![name]!.data[i]);
        assert.ok(Math.abs(value - other) <= most, `${name}[${i}]: ${value}, then ${other}`);
      }
    }
  }
}

function valuesOf(model: ModelProto, name: string): Float32Array {
  return readFloats(model.graph!.initializer.find((tensor) => tensor.name === name)!);
}

/** Largest by smallest of the output channels' largest magnitudes. */
function spread(model: ModelProto, name: string, channels: number): number {
  const values = valuesOf(model, name);
  const inner = values.length / channels;
  const largest = Array.from({ length: channels }, (_, c) =>
    Math.max(...values.subarray(c * inner, (c + 1) * inner).map(Math.abs)),
  );
  return Math.max(...largest) / Math.min(...largest);
}

/** Everything but the weights' numbers. */
function structure(model: ModelProto): ModelProto {
  const copy = clone(ModelProtoSchema, model);
  for (const tensor of copy.graph!.initializer) tensor.rawData = new Uint8Array(tensor.rawData.length);
  return copy;
}

function assertEqualized(before: ModelProto, { model, pairs: found }: EqualizedModel, pairs: number): void {
  assert.equal(found, pairs);
  assert.deepEqual(structure(model), structure(before));
  assert.notDeepEqual(valuesOf(model, 'w1'), valuesOf(before, 'w1'));
}

describe('equalize', () => {
  const pairs: Readonly<Record<string, { middle: NodeProto[]; last: string }>> = {
    'linear layers': { middle: [], last: 'c1' },
    'layers with Relu': { middle: [buildNode('Relu', ['c1'], ['r1'])], last: 'r1' },
    'layers with pooling': {
      middle: [
        buildNode('Relu', ['c1'], ['r1']),
        buildNode('MaxPool', ['r1'], ['p1'], [intsAttribute('kernel_shape', [2, 2])]),
        buildNode('AveragePool', ['p1'], ['q1'], [intsAttribute('kernel_shape', [2, 2])]),
      ],
      last: 'q1',
    },
    'layers with pooling before Relu': {
      middle: [buildNode('GlobalAveragePool', ['c1'], ['p1']), buildNode('Relu', ['p1'], ['r1'])],
      last: 'r1',
    },
    'layers with Relu6': { middle: [buildNode('Clip', ['c1', 'zero', 'six'], ['r1'])], last: 'r1' },
  };
  for (const [what, { middle, last }] of Object.entries(pairs)) {
    it(`evens out ${what} and leaves what they compute as it was`, async () => {
      const before = chain(middle, last);
      const after = await run(before);
      assertEqualized(before, after, 1);
      await assertSameFunction(before, after.model);
      assert.ok(spread(after.model, 'w1', 8) < spread(before, 'w1', 8));
    });
  }

  it('takes Relu6 for what the data show: channels that reach 6 stay, others stay below it', async () => {
    const before = chain([buildNode('Clip', ['c1', 'zero', 'six'], ['r1'])], 'r1');
    const { model } = await run(before);
    const reached = async (of: ModelProto): Promise<number[]> => {
      const open = clone(ModelProtoSchema, of);
      open.graph!.node = open.graph!.node.filter(({ opType }) => opType !== 'Clip');
      open.graph!.node.at(-1)!.input[0] = 'c1';
      open.graph!.output = [clone(ModelProtoSchema, before).graph!.output[0]!];
      Object.assign(open.graph!.output[0]!, { name: 'c1', type: undefined });
      const largest = new Array<number>(8).fill(0);
      for (const feeds of images) {
        const [outputs] = await runModels([open], feeds);
        const { data } = outputs!['c1']!;
        for (let i = 0; i < data.length; i++)
          largest[Math.floor(i / 36)] = Math.max(largest[Math.floor(i / 36)]!, Number(data[i]));
      }
      return largest;
    };
    const [old, found] = [await reached(before), await reached(model)];
    const clipped = old.filter((value) => value > 6).length;
    assert.ok(clipped > 0 && clipped < 8, `${clipped} of 8 channels reach 6: the test needs both`);
    for (const [c, value] of old.entries()) {
      if (value >= 6) assert.ok(Math.abs(found[c]! - value) < 1e-4 * value, `channel ${c} stays`);
      else assert.ok(found[c]! <= 6, `channel ${c} reaches ${found[c]}`);
    }
  });

  it('evens out a chain through a depthwise convolution', async () => {
    const middle = [
      buildNode('Relu', ['c1'], ['r1']),
      buildNode('Conv', ['r1', 'wd', 'bd'], ['d1'], [intAttribute('group', 8), pads]),
      buildNode('Relu', ['d1'], ['r2']),
    ];
    const initialisers = [unevenWeights('wd', [8, 1, 3, 3], 2), randomWeights('bd', [8])];
    const before = chain(middle, 'r2', { initialisers });
    const after = await run(before);
    assertEqualized(before, after, 2);
    await assertSameFunction(before, after.model);
    assert.ok(spread(after.model, 'wd', 8) < 0.5 * spread(before, 'wd', 8));
  });

  for (const transB of [0, 1]) {
    it(`evens out two Gemm layers, transB ${transB}`, async () => {
      const dims = (rows: number, columns: number): number[] => (transB ? [columns, rows] : [rows, columns]);
      const gemm = (input: string, n: number, output: string): NodeProto =>
        buildNode('Gemm', [input, `w${n}`, `b${n}`], [output], [intAttribute('transB', transB)]);
      const before = buildModel({
        opset: 13,
        inputs: { x: [1, 6] },
        outputs: { y: [1, 3] },
        initialisers: [
          unevenWeights('w1', dims(6, 8), 3),
          randomWeights('b1', [8]),
          randomWeights('w2', dims(8, 3)),
          randomWeights('b2', [1, 3]),
        ],
        nodes: [gemm('x', 1, 'g1'), buildNode('Relu', ['g1'], ['r1']), gemm('r1', 2, 'y')],
      });
      const feeds = images.map(() => ({ x: floats([1, 6], randomValues([1, 6], 2)) }));
      const after = await run(before, feeds);
      assertEqualized(before, after, 1);
      await assertSameFunction(before, after.model, feeds);
    });
  }

  it('leaves dead channels alone, on either side', async () => {
    const before = chain([buildNode('Relu', ['c1'], ['r1'])], 'r1');
    const kill = (name: string, isDead: (i: number) => boolean): void => {
      const tensor = before.graph!.initializer.find((each) => each.name === name)!;
      const values = readFloats(tensor).map((value, i) => (isDead(i) ? 0 : value));
      tensor.rawData = createTensor(name, 'float32', tensor.dims.map(Number), values).rawData;
    };
    kill('w1', (i) => Math.floor(i / 36) === 2);
    kill('w2', (i) => i % 8 === 5);
    const { model } = await run(before);
    await assertSameFunction(before, model);
    for (const name of ['w1', 'b1', 'w2']) assert.ok(valuesOf(model, name).every(Number.isFinite), name);
  });

  it('moves nothing between layers of which one is large as a whole and the other small', async () => {
    const before = chain([buildNode('Relu', ['c1'], ['r1'])], 'r1');
    const after = clone(ModelProtoSchema, before);
    const factors: Readonly<Record<string, number>> = { w1: 1e-4, b1: 1e-4, w2: 1e4 };
    after.graph!.initializer = after.graph!.initializer.map((tensor) => {
      const values = readFloats(tensor).map((value) => value * (factors[tensor.name] ?? 1));
      return createTensor(tensor.name, 'float32', tensor.dims.map(Number), values);
    });
    const [plain, found] = [(await run(before)).model, (await run(after)).model];
    assert.ok(Math.abs(spread(found, 'w1', 8) / spread(plain, 'w1', 8) - 1) < 1e-3);
  });

  it('does not change the model that it is given', async () => {
    const before = chain([], 'c1');
    const copy = clone(ModelProtoSchema, before);
    await run(before);
    assert.deepEqual(before, copy);
  });

  const second = (type: string, input: string, output = 'z'): NodeProto => buildNode(type, [input], [output]);
  const alone: Readonly<Record<string, ModelProto>> = {
    'a branch, one tensor with two consumers': chain(
      [second('Relu', 'c1', 'r1'), second('Abs', 'r1')],
      'r1',
      {
        outputs: { y: [1, 3, 'h', 'w'], z: [1, 8, 6, 6] },
      },
    ),
    'a tensor that is an output of the model': chain([second('Relu', 'c1', 'r1')], 'r1', {
      outputs: { y: [1, 3, 'h', 'w'], c1: [1, 8, 6, 6] },
    }),
    'an operator that does not scale along': chain([second('Sigmoid', 'c1', 'r1')], 'r1'),
    'a Clip that does not begin at 0': chain([buildNode('Clip', ['c1', 'low', 'six'], ['r1'])], 'r1', {
      initialisers: [createTensor('low', 'float32', [], Float32Array.of(-1))],
    }),
    'a convolution in groups': chain([second('Relu', 'c1', 'r1')], 'r1', {
      initialisers: [randomWeights('wg', [4, 4, 1, 1])],
      second: buildNode('Conv', ['r1', 'wg'], ['y'], [intAttribute('group', 2)]),
      outputs: { y: [1, 4, 'h', 'w'] },
    }),
    'weights that two layers share': chain([buildNode('Conv', ['c1', 'ws'], ['s1'])], 's1', {
      initialisers: [randomWeights('ws', [8, 8, 1, 1])],
      second: buildNode('Conv', ['s1', 'ws'], ['y']),
      outputs: { y: [1, 8, 'h', 'w'] },
    }),
  };
  for (const [what, before] of Object.entries(alone)) {
    it(`leaves ${what} untouched and says so`, async () => {
      const { model, pairs: found } = await run(before);
      assert.equal(found, 0);
      assert.deepEqual(model, before);
    });
  }

  it('leaves weights untouched that a branch of an If takes too', async () => {
    const before = buildConditional({
      inputs: { image: shape },
      output: [1, 3, 6, 6],
      initialisers: [
        unevenWeights('w1', [8, 4, 1, 1], 1),
        randomWeights('w2', [3, 8, 1, 1]),
        randomWeights('w3', [3, 8, 1, 1]),
      ],
      nodes: [
        buildNode('Conv', ['image', 'w1'], ['c1']),
        buildNode('Relu', ['c1'], ['r1']),
        buildNode('Conv', ['r1', 'w2'], ['c2']),
      ],
      thenBranch: buildBranch([buildNode('Identity', ['c2'], ['t'])], 't'),
      elseBranch: buildBranch(
        [buildNode('Conv', ['image', 'w1'], ['e1']), buildNode('Conv', ['e1', 'w3'], ['e'])],
        'e',
      ),
    });
    const feeds = [1, -1].map((choice) => ({ ...images[0]!, choice: floats([1], [choice]) }));
    const { model } = await run(before, feeds);
    await assertSameFunction(before, model, feeds);
  });
});

describe('a recipe that equalizes', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  for (const factor of [1e-3, 1e-20]) {
    it(`is never worse than without: layers of which one is ${factor} of the other`, async () => {
      const scaled = (name: string, dims: number[], by: number): TensorProto =>
        createTensor(
          name,
          'float32',
          dims,
          randomValues(dims).map((value) => value * by),
        );
      const model = buildModel({
        opset: 13,
        inputs: { image: shape },
        outputs: { y: [1, 4, 6, 6] },
        initialisers: [
          scaled('w1', [8, 4, 3, 3], factor),
          scaled('b1', [8], factor),
          scaled('w2', [8, 8, 3, 3], 1 / factor),
          scaled('b2', [8], 0.1),
          scaled('w3', [4, 8, 1, 1], 1),
        ],
        nodes: [
          buildNode('Conv', ['image', 'w1', 'b1'], ['c1'], [pads]),
          buildNode('Relu', ['c1'], ['r1']),
          buildNode('Conv', ['r1', 'w2', 'b2'], ['c2'], [pads]),
          buildNode('Relu', ['c2'], ['r2']),
          buildNode('Conv', ['r2', 'w3'], ['y']),
        ],
      });
      const { variants, refused } = await quantizeNet(folder, model, ['int8-per-tensor', 'int8-equalized'], {
        items: randomItems(shape.slice(1), 8),
      });
      assert.deepEqual(refused, []);
      const [plain, equalized] = variants.map(({ record }) => record.outputSqnrDb!);
      assert.ok(plain! > 25 && equalized! >= plain!, `${plain} dB, equalized ${equalized} dB`);
    });
  }
});
