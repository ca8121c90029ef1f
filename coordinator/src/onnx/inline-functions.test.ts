import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type NodeProto,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { inlineFunctions } from './inline-functions.ts';

describe('inlineFunctions', () => {
  it('gives each call tensors of its own, and connects inputs and outputs', () => {
    const body = own('Twice', [buildNode('Neg', ['a'], ['t']), buildNode('Abs', ['t'], ['o'])]);
    const graph = graphOf([call('Twice', 'x', 'm'), call('Twice', 'm', 'y')]);
    assert.deepEqual(
      inlineFunctions(graph, [body]).node.map(({ opType, input, output }) => [opType, ...input, ...output]),
      [
        ['Neg', 'x', '0/t'],
        ['Abs', '0/t', 'm'],
        ['Neg', 'm', '1/t'],
        ['Abs', '1/t', 'y'],
      ],
    );
  });

  it('hands on the attributes of the call, and the function’s defaults where it has none', () => {
    const refers = create(AttributeProtoSchema, { name: 'axis', type: 2, refAttrName: 'dim' });
    const body = own('Soft', [buildNode('Softmax', ['a'], ['o'], [refers])]);
    body.attributeProto.push(intAttribute('dim', 3));
    const given = Object.assign(call('Soft', 'x', 'm'), { attribute: [intAttribute('dim', 1)] });
    const nodes = inlineFunctions(graphOf([given, call('Soft', 'm', 'y')]), [body]).node;
    assert.deepEqual(
      nodes.map(({ attribute }) => attribute.map(({ name, i }) => `${name} ${i}`)),
      [['axis 1'], ['axis 3']],
    );
  });

  it('renames what a branch inside a body reads of it', () => {
    const branch = graphOf([buildNode('Neg', ['t'], ['inner'])]);
    const choose = buildNode('If', ['a'], ['o']);
    choose.attribute.push(create(AttributeProtoSchema, { name: 'then_branch', type: 5, g: branch }));
    const body = own('Choose', [buildNode('Abs', ['a'], ['t']), choose]);
    const [, found] = inlineFunctions(graphOf([call('Choose', 'x', 'y')]), [body]).node;
    const [neg] = found!.attribute[0]!.g!.node;
    assert.deepEqual([neg!.input, neg!.output], [['0/t'], ['inner']]);
    assert.deepEqual(branch.node[0]!.input, ['t'], 'the model stays as it is');
  });

  it('stops at calls of calls that would make 10^16 nodes', () => {
    const level = (depth: number): FunctionProto =>
      own(
        `Level${depth}`,
        Array.from({ length: 10 }, (_, i) => call(`Level${depth + 1}`, 'a', i === 0 ? 'o' : `o${i}`)),
      );
    const functions = Array.from({ length: 17 }, (_, depth) => level(depth));
    const { node } = inlineFunctions(graphOf([call('Level0', 'x', 'y')]), functions);
    assert.ok(node.length < 101_000, `${node.length} nodes`);
  });
});

function graphOf(nodes: readonly NodeProto[]) {
  return buildModel({ opset: 17, inputs: { x: [1] }, outputs: { y: [1] }, nodes }).graph!;
}

function own(name: string, node: NodeProto[]): FunctionProto {
  return create(FunctionProtoSchema, { domain: 'own', name, input: ['a'], output: ['o'], node });
}

function call(name: string, input: string, output: string): NodeProto {
  return Object.assign(buildNode(name, [input], [output]), { domain: 'own' });
}
