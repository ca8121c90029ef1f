import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  ValueInfoProtoSchema,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute, stringAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { createTensor } from '../onnx/tensor.ts';
import { quantizeNet, randomItems, readGraph, staticRecipe } from './fixtures/quantize-net.ts';
import { buildBranch, buildIf } from './rewrite/fixtures/build-subgraph.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';

const pads = intsAttribute('pads', [1, 1, 1, 1]);
const constants = [
  createTensor('zero', 'float32', [], Float32Array.of(0)),
  createTensor('half', 'float32', [], Float32Array.of(0.5)),
  createTensor('once', 'int64', [], BigInt64Array.of(1n)),
  createTensor('yes', 'bool', [], Uint8Array.of(1)),
];

/** Conv, something that clips, Conv, and next to the second Conv an operator with a subgraph that reads what was clipped. */
function branchNet(clip: NodeProto, reader: NodeProto): ModelProto {
  return buildModel({
    opset: 13,
    inputs: { x: [1, 3, 6, 6] },
    outputs: { y: [1, 4, 6, 6] },
    initialisers: [
      randomWeights('w1', [4, 3, 3, 3], 1),
      randomWeights('b1', [4], 1),
      // Small, so that the branch is most of the output.
      randomWeights('w2', [4, 4, 3, 3], 0.02),
      ...constants,
    ],
    nodes: [
      buildNode('Conv', ['x', 'w1', 'b1'], ['c1'], [pads]),
      clip,
      buildNode('Conv', ['r1', 'w2'], ['c2'], [pads]),
      buildNode('ReduceMean', ['x'], ['mean'], [intAttribute('keepdims', 0)]),
      buildNode('Greater', ['mean', 'zero'], ['choice']),
      reader,
      buildNode('Add', ['found', 'c2'], ['y']),
    ],
  });
}

const clips: Readonly<Record<string, NodeProto>> = {
  Relu: buildNode('Relu', ['c1'], ['r1']),
  Clip: buildNode('Clip', ['c1', 'zero', 'half'], ['r1']),
};

const read = (opType: string, output: string): GraphProto =>
  buildBranch([buildNode(opType, ['r1'], [output])], output);
const nested = (output: string): GraphProto =>
  buildBranch(
    [buildIf('choice', output, read('Identity', `${output}_a`), read('Neg', `${output}_b`))],
    output,
  );

function loopBody(): GraphProto {
  const body = buildBranch(
    [buildNode('Identity', ['goes_on'], ['goes']), buildNode('Add', ['carried', 'r1'], ['sum'])],
    'goes',
  );
  const dims = (shape: readonly number[]) =>
    shape.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } }));
  const declare = (name: string, elemType: number, shape: readonly number[] = []) =>
    create(ValueInfoProtoSchema, {
      name,
      type: { value: { case: 'tensorType', value: { elemType, shape: { dim: dims(shape) } } } },
    });
  body.input = [declare('turn', 7), declare('goes_on', 9), declare('carried', 1, [1, 4, 6, 6])];
  body.output = [declare('goes', 9), declare('sum', 1, [1, 4, 6, 6])];
  return body;
}

const readers: Readonly<Record<string, NodeProto>> = {
  If: buildIf('choice', 'found', read('Identity', 'same'), read('Neg', 'negated')),
  'an If in an If': buildIf('choice', 'found', nested('outer'), read('Neg', 'negated')),
  Loop: buildNode(
    'Loop',
    ['once', 'yes', 'x_like'],
    ['found'],
    [create(AttributeProtoSchema, { name: 'body', type: AttributeProto_AttributeType.GRAPH, g: loopBody() })],
  ),
};

describe('tensors that a subgraph reads', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  const cases = [
    ['Relu', 'If'],
    ['Clip', 'an If in an If'],
    ['Relu', 'Loop'],
  ] as const;
  for (const [clip, reader] of cases) {
    it(`stay clipped: ${clip}, read by ${reader}`, async () => {
      const model = branchNet(clips[clip]!, readers[reader]!);
      if (reader === 'Loop') model.graph!.node.splice(-2, 0, buildNode('Sub', ['c2', 'c2'], ['x_like']));
      const made = await quantizeNet(folder, model, ['int8-per-tensor'], {
        items: randomItems([3, 6, 6], 6),
      });
      assert.deepEqual(made.refused, []);
      assert.ok(made.variants[0]!.record.outputSqnrDb! > 30, `${made.variants[0]!.record.outputSqnrDb} dB`);
    });
  }

  it('stay what they are in every other format', async () => {
    const model = branchNet(clips['Relu']!, readers['an If in an If']!);
    const recipes = ['fp16', 'int8-equalized', 'int8-s8s8-sym', 'int8-a16w8'];
    const made = await quantizeNet(folder, model, recipes, { items: randomItems([3, 6, 6], 6) });
    assert.deepEqual(made.refused, []);
    for (const { recipe, record } of made.variants)
      assert.ok(record.outputSqnrDb! > 30, `${recipe}: ${record.outputSqnrDb} dB`);
  });

  it('a mean between an operator and its Relu is not taken for one of clipped values', async () => {
    const mode = [stringAttribute('mode', 'linear')];
    const model = buildModel({
      opset: 13,
      inputs: { x: [1, 3, 4, 4] },
      outputs: { y: [1, 2, 8, 8] },
      initialisers: [
        randomWeights('w1', [4, 3, 1, 1], 1),
        randomWeights('w2', [2, 4, 1, 1], 1),
        createTensor('scales', 'float32', [4], Float32Array.of(1, 1, 2, 2)),
      ],
      nodes: [
        buildNode('Conv', ['x', 'w1'], ['c1']),
        buildNode('Resize', ['c1', '', 'scales'], ['large'], mode),
        buildNode('Relu', ['large'], ['r1']),
        buildNode('Conv', ['r1', 'w2'], ['y']),
      ],
    });
    const { variants } = await quantizeNet(folder, model, [staticRecipe('plain')], {
      items: randomItems([3, 4, 4], 6),
    });
    assert.ok(variants[0]!.record.outputSqnrDb! > 30, `${variants[0]!.record.outputSqnrDb} dB`);
    const { node } = await readGraph(variants[0]!.path);
    assert.ok(node.some(({ opType }) => opType === 'Relu'));
  });
});
