import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clone } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { inferShapes, type TensorType } from '../onnx/shapes.ts';
import { createTensor } from '../onnx/tensor.ts';
import { upgradeOpset } from '../onnx/upgrade-opset.ts';
import { walkGraphs } from '../onnx/walk-graph.ts';
import { withReductions } from './calibration/augment-model.ts';
import { quantizeDynamic } from './dynamic/quantize-dynamic.ts';
import { quantizeNet, randomItems, staticRecipe } from './fixtures/quantize-net.ts';
import { residualNet } from './fixtures/residual-net.ts';
import { convertToFloat16 } from './float16/convert-to-float16.ts';
import { restoreGlobalPooling } from './restore-global-pooling.ts';
import { buildBranch, buildIf } from './rewrite/fixtures/build-subgraph.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';
import { emitStatic, planStatic } from './static/quantize-static.ts';
import { quantizeWeightsInt4 } from './weight-only/quantize-weights-int4.ts';

/** A network of opset 11 with every operator that a pass writes something for, and a branch that reads an inner tensor. */
function everyPassNet(): ModelProto {
  const net = residualNet();
  const graph = net.graph!;
  graph.initializer.push(createTensor('always', 'bool', [], Uint8Array.of(1)), randomWeights('w5', [64, 4]));
  const same = buildBranch([buildNode('Identity', ['logits'], ['inner'])], 'inner');
  const other = buildBranch([buildNode('Neg', ['logits'], ['negated'])], 'negated');
  const squeeze = buildNode(
    'ReduceMean',
    ['a2'],
    ['means'],
    [intsAttribute('axes', [2, 3]), intAttribute('keepdims', 0)],
  );
  graph.node.splice(-1, 0, buildIf('always', 'chosen', same, other), squeeze);
  for (const node of graph.node) if (node.name === '') node.name = node.output[0]!;
  return net;
}

const recipes = [
  staticRecipe('u8s8', { correctBias: true, keepFloat: { nodes: ['g1'] } }),
  staticRecipe('s8s8', {
    profile: 'tensorrt',
    activations: { elementType: 'int8', symmetric: true },
    weights: { granularity: 'per-tensor' },
  }),
];

type Pass = (model: ModelProto, types: ReadonlyMap<string, TensorType>) => ModelProto;

const passes: Readonly<Record<string, Pass>> = {
  ...Object.fromEntries(
    recipes.map((recipe): [string, Pass] => [
      recipe.id,
      (model, types) => {
        assert(recipe.scheme === 'static');
        const planned = planStatic(model, types, recipe);
        const ranges = Object.fromEntries(
          planned.calibratedNames.map((name) => [name, { low: -1, high: 1 }]),
        );
        return emitStatic(planned, ranges, recipe, new Map([['c2', new Float32Array(8).fill(0.1)]])).model;
      },
    ]),
  ),
  'the upgrade of the opset': (model, types) => upgradeOpset(model, types).model,
  float16: (model, types) => convertToFloat16(model, types).model,
  dynamic: (model, types) => quantizeDynamic(model, types, { granularity: 'per-channel' }).model,
  int4: (model, types) => quantizeWeightsInt4(model, types, { blockSize: 16 }).model,
  calibration: (model) => withReductions(model, ['c1', 'logits']).model,
  'pooling restored': (model, types) => {
    const copy = clone(ModelProtoSchema, model);
    assert.equal(restoreGlobalPooling(copy, types), true);
    return copy;
  },
};

interface Names {
  readonly tensors: string[];
  readonly nodes: string[];
}

/** Names given in each graph, once for each time. */
function namesGiven(model: ModelProto): Names {
  const graphs = [...walkGraphs(model.graph!)];
  const given = graphs.flatMap(({ initializer, input, node }) => [
    ...[...initializer, ...input].map(({ name }) => name),
    ...node.flatMap(({ output }) => output.filter((name) => name !== '')),
  ]);
  return { tensors: given, nodes: graphs.flatMap(({ node }) => node.map(({ name }) => name)) };
}

function assertNamedOnce(model: ModelProto, what: string): void {
  for (const names of Object.values<string[]>({ ...namesGiven(model) })) {
    const twice = names.filter((name, i) => names.indexOf(name) !== i);
    assert.deepEqual(twice, [], what);
  }
}

/** The tensor with its node under another name, wherever it stands. */
function rename(model: ModelProto, from: string, to: string): ModelProto {
  const copy = clone(ModelProtoSchema, model);
  for (const graph of walkGraphs(copy.graph!)) {
    for (const value of [...graph.output, ...graph.initializer]) if (value.name === from) value.name = to;
    for (const node of graph.node) {
      if (node.name === from) node.name = to;
      node.input = node.input.map((name) => (name === from ? to : name));
      node.output = node.output.map((name) => (name === from ? to : name));
    }
  }
  return copy;
}

describe('generated names', () => {
  const net = everyPassNet();
  let types: ReadonlyMap<string, TensorType>;
  let folder = '';
  before(async () => {
    types = await inferShapes(net);
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  for (const [what, pass] of Object.entries(passes)) {
    it(`give way to the model’s own: ${what}`, () => {
      const own = new Set(Object.values(namesGiven(net)).flat());
      const made = pass(net, types);
      assertNamedOnce(made, what);
      const generated = Object.values(namesGiven(made))
        .flat()
        .filter((name) => !own.has(name));
      assert.ok(generated.length > 1, `${what} generates ${generated.length} names`);
      // "logits" is a tensor of the main graph, "inner" one of a branch; both with a node of that name.
      for (const [victim, name] of generated.flatMap((each) => [
        ['logits', each] as const,
        ['inner', each] as const,
      ])) {
        const renamed = rename(net, victim, name);
        const known = new Map(types);
        if (known.has(victim)) known.set(name, known.get(victim)!);
        const taken = pass(renamed, known);
        assertNamedOnce(taken, `${what}: ${victim} named ${name}`);
      }
    });
  }

  it('do not keep a network from being quantized whose tensors are named like them', async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
    const model = buildModel({
      opset: 13,
      inputs: { x: [1, 3, 6, 6] },
      outputs: { y: [1, 2, 4, 4] },
      initialisers: [
        randomWeights('w1', [4, 3, 3, 3]),
        randomWeights('b1', [4]),
        randomWeights('w2', [2, 4, 1, 1]),
      ],
      nodes: [
        buildNode('Conv', ['x', 'w1', 'b1'], ['x_QuantizeLinear_Output']),
        buildNode('Relu', ['x_QuantizeLinear_Output'], ['x_DequantizeLinear_Output']),
        buildNode('Conv', ['x_DequantizeLinear_Output', 'w2'], ['y']),
      ],
    });
    model.graph!.node[0]!.name = 'x_QuantizeLinear';
    model.graph!.node[1]!.name = 'x_DequantizeLinear';
    model.graph!.node[2]!.name = 'x_qfleet_low';
    const { variants, refused } = await quantizeNet(
      folder,
      model,
      recipes.map(({ id }) => (id === 'u8s8' ? staticRecipe(id, { correctBias: true }) : recipes[1]!)),
      {
        items: randomItems([3, 6, 6], 4),
      },
    );
    assert.deepEqual(refused, []);
    for (const { record } of variants) {
      assert.ok(record.outputSqnrDb! > 25, `${record.recipe}: ${record.outputSqnrDb} dB`);
      assert.ok(record.layerCheck!.activations.length > 0, 'the layers are compared by their codes');
    }
  });
});
