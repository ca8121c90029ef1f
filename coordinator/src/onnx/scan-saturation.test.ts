import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from './attribute.ts';
import { buildModel, buildNode } from './fixtures/build-model.ts';
import { listIntegerWeights } from './integer-weight-rows.ts';
import { type ChannelRisk, type SaturationRisk, scanChannels, scanSaturation } from './scan-saturation.ts';
import { createTensor } from './tensor.ts';

/** Column 0: 128 does not overflow. 1: 129 does. 2: signs differ. 3: -129. 4: only pair 1, 2 would, which is none. */
const columns = [100, 64, 127, -100, 0, 28, 65, -127, -29, 127, 0, 0, 0, 0, 127, 0, 0, 0, 0, 0];

describe('the saturation scan', () => {
  it('names channels from a sum of 129 in an even pair on, of either sign', () => {
    const graph = buildGraph([4, 5], columns, buildNode('MatMulInteger', ['x', 'w'], ['y']));
    assert.deepEqual(risksOf(graph), [
      { channel: 1, worstPairSum: 255 * 129, errorAt255: 32767 - 255 * 129 },
      { channel: 3, worstPairSum: -255 * 129, errorAt255: -32768 + 255 * 129 },
    ]);
    assert.deepEqual(scan(graph), [
      { node: 'y', channels: 5, channelsAtRisk: 2, channelsWrongAt255: 2, worstPairSum: 32895 },
    ]);
  });

  it('tells channels apart whose errors cancel where all inputs are 255', () => {
    // 255 pairs lose 128 each, 254 gain 127 each and one 382, which together is 0.
    const gains = Array(254).fill([-128, -1]).flat();
    const weights = [...Array(255).fill([127, 2]).flat(), ...gains, -128, -2];
    const graph = buildGraph([1020, 1], weights, buildNode('MatMulInteger', ['x', 'w'], ['y']));
    assert.deepEqual(scan(graph), [
      { node: 'y', channels: 1, channelsAtRisk: 1, channelsWrongAt255: 0, worstPairSum: -255 * 130 },
    ]);
  });

  it('pairs an odd last weight with nothing, and each matrix of a batch by itself', () => {
    const graph = buildGraph(
      [2, 3, 1],
      [0, 0, 127, 127, 0, 0],
      buildNode('MatMulInteger', ['x', 'w'], ['y']),
    );
    assert.deepEqual(risksOf(graph), []);
  });

  it('takes a transposed Gemm by rows', () => {
    const node = buildNode('Gemm', ['xd', 'wd'], ['y'], [intAttribute('transB', 1)]);
    const graph = buildGraph([2, 3], [127, 1, 0, 127, 2, 0], node);
    assert.deepEqual(
      risksOf(graph).map(({ channel }) => channel),
      [1],
    );
  });

  it('pairs input channels at one place of a kernel, across places where their number is odd', () => {
    const weights = (inputs: number): number[] => [100, 1, 1, 100, ...Array(2 * inputs - 4).fill(0)];
    // [1, 2, 1, 2]: input channel 0 holds 100, 1 and channel 1 holds 1, 100 at places 0 and 1: pairs 101 and 101.
    const node = (): NodeProto => buildNode('Conv', ['xd', 'wd'], ['y']);
    assert.deepEqual(risksOf(buildGraph([1, 2, 1, 2], weights(2), node())), []);
    // [1, 3, 1, 2]: in K order 100, 1, 0, 1, 100, 0.
    assert.deepEqual(risksOf(buildGraph([1, 3, 1, 2], weights(3), node())), []);
    assert.equal(risksOf(buildGraph([1, 3, 1, 2], [0, 100, 0, 0, 100, 0], node())).length, 1);
  });

  it('leaves depthwise convolutions out, but not those with more than one output channel per group', () => {
    const depthwise = buildNode('Conv', ['xd', 'wd'], ['y'], [intAttribute('group', 2)]);
    assert.deepEqual(scan(buildGraph([2, 1, 1, 2], [127, 127, 127, 127], depthwise)), []);
    const [risk] = scan(buildGraph([4, 1, 1, 2], Array(8).fill(127), depthwise));
    assert.equal(risk!.channelsAtRisk, 4);
  });

  it('leaves out what runs in float, and ConvInteger, whose kernel is another', () => {
    assert.deepEqual(scan(buildGraph([4, 5], columns, buildNode('MatMul', ['x', 'wd'], ['y']))), []);
    const conv = buildNode('ConvInteger', ['x', 'w'], ['y']);
    assert.deepEqual(scan(buildGraph([1, 2, 1, 1], [127, 127], conv)), []);
  });

  /** One operator on weights that a few nodes make of constants; 127 twice in each row of K. */
  function behind(nodes: readonly NodeProto[], initialisers: readonly TensorProto[] = []): GraphProto {
    const codes = Int8Array.from({ length: 8 }, () => 127);
    return buildModel({
      opset: 13,
      inputs: { x: ['n', 4], v: [4, 2] },
      outputs: { y: ['n', 2] },
      initialisers: [
        createTensor('w', 'int8', [4, 2], codes),
        createTensor('wt', 'int8', [2, 4], codes),
        createTensor(
          'wf',
          'float32',
          [4, 2],
          Float32Array.from(codes, (code) => code / 10),
        ),
        createTensor('s', 'float32', [], Float32Array.of(0.1)),
        createTensor('wz', 'int8', [], Int8Array.of(0)),
        createTensor('xz', 'uint8', [], Uint8Array.of(0)),
        createTensor('flat', 'int64', [2], BigInt64Array.of(4n, -1n)),
        createTensor('eight', 'int8', [8], codes),
        ...initialisers,
      ],
      nodes: [
        buildNode('QuantizeLinear', ['x', 's', 'xz'], ['xq']),
        buildNode('DequantizeLinear', ['xq', 's', 'xz'], ['xd']),
        ...nodes,
      ],
    }).graph!;
  }
  const dequantize = (codes: string, to = 'wd') => buildNode('DequantizeLinear', [codes, 's', 'wz'], [to]);
  const product = (weights = 'wd') => buildNode('MatMul', ['xd', weights], ['y']);
  const found: Record<string, readonly NodeProto[]> = {
    'a Transpose of the float values': [
      dequantize('wt', 'd'),
      buildNode('Transpose', ['d'], ['wd']),
      product(),
    ],
    'a Transpose of the codes': [buildNode('Transpose', ['wt'], ['c']), dequantize('c'), product()],
    'an Identity of an Identity': [
      buildNode('Identity', ['w'], ['i']),
      buildNode('Identity', ['i'], ['c']),
      dequantize('c'),
      product(),
    ],
    'a Reshape': [buildNode('Reshape', ['eight', 'flat'], ['c']), dequantize('c'), product()],
    'a QuantizeLinear of float weights': [
      buildNode('QuantizeLinear', ['wf', 's', 'wz'], ['c']),
      dequantize('c'),
      product(),
    ],
    'a MaxPool or Reshape of the activation': [
      dequantize('w'),
      buildNode('Reshape', ['xd', 'flat'], ['moved']),
      buildNode('MatMul', ['moved', 'wd'], ['y']),
    ],
  };
  for (const [what, nodes] of Object.entries(found)) {
    it(`finds weights behind ${what}`, () => {
      const [risk, ...others] = scan(behind(nodes));
      assert.deepEqual([risk?.channels, risk?.channelsAtRisk, others], [2, 2, []]);
    });
  }

  it('finds weights in a branch, of the graph around it', () => {
    const branch = buildModel({
      opset: 13,
      inputs: {},
      outputs: { y: ['n', 2] },
      initialisers: [],
      nodes: [product()],
    }).graph!;
    const choose = buildNode('If', ['c'], ['y']);
    choose.attribute.push(create(AttributeProtoSchema, { name: 'then_branch', type: 5, g: branch }));
    assert.equal(scan(behind([dequantize('w'), choose]))[0]!.channelsAtRisk, 2);
  });

  it('scans both weights of a dynamically quantized LSTM', () => {
    const three = createTensor(
      'w3',
      'int8',
      [1, 4, 2],
      Int8Array.from({ length: 8 }, () => 127),
    );
    const lstm = buildNode('DynamicQuantizeLSTM', ['x', 'w3', 'w3'], ['y']);
    lstm.domain = 'com.microsoft';
    assert.deepEqual(
      scan(behind([lstm], [three])).map(({ channelsAtRisk }) => channelsAtRisk),
      [2, 2],
    );
  });

  it('does not know weights that are computed, nor what a function of the model’s own does', () => {
    const unknownOf = (nodes: readonly NodeProto[], functions: FunctionProto[] = []) =>
      scanSaturation({ graph: behind(nodes), functions }).unknown.map(({ node, why }) => `${node}: ${why}`);
    const codes = buildNode('QuantizeLinear', ['v', 's', 'wz'], ['c']);
    assert.match(unknownOf([codes, dequantize('c'), product()]).join(), /^y: its int8 weights are computed/);
    assert.match(unknownOf([codes, buildNode('MatMulInteger', ['xq', 'c'], ['y'])]).join(), /computed/);
    const call = buildNode('Block', ['xd'], ['y']);
    call.domain = 'own';
    const own = create(FunctionProtoSchema, { domain: 'own', name: 'Block' });
    assert.match(unknownOf([call], [own]).join(), /function of the model’s own/);
    const bytes = buildNode('QuantizeLinear', ['v', 's', 'xz'], ['c']);
    const plain = buildNode('DequantizeLinear', ['c', 's', 'xz'], ['wd']);
    assert.deepEqual(unknownOf([bytes, plain, product()]), [], 'uint8 by uint8 does not saturate');
  });
});

/** Of a graph of which everything is known. */
function scan(graph: GraphProto): readonly SaturationRisk[] {
  const { risks, unknown } = scanSaturation({ graph, functions: [] });
  assert.deepEqual(unknown, []);
  return risks;
}

function risksOf(graph: GraphProto): ChannelRisk[] {
  return listIntegerWeights(graph).known.flatMap(scanChannels);
}

/** A graph of one operator with its int8 weight `w`, dequantized as `wd`, and its input `x`, from codes as `xd`. */
function buildGraph(dims: readonly number[], weights: readonly number[], node: NodeProto): GraphProto {
  return buildModel({
    opset: 13,
    inputs: { x: ['?'] },
    outputs: { y: ['?'] },
    initialisers: [
      createTensor('w', 'int8', dims, Int8Array.from(weights)),
      createTensor('s', 'float32', [], Float32Array.of(0.1)),
      createTensor('wz', 'int8', [], Int8Array.of(0)),
      createTensor('xz', 'uint8', [], Uint8Array.of(0)),
    ],
    nodes: [
      buildNode('QuantizeLinear', ['x', 's', 'xz'], ['xq']),
      buildNode('DequantizeLinear', ['xq', 's', 'xz'], ['xd']),
      buildNode('DequantizeLinear', ['w', 's', 'wz'], ['wd']),
      node,
    ],
  }).graph!;
}
