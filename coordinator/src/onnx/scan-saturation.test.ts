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
import { intAttribute, intsAttribute } from './attribute.ts';
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
        createTensor('one', 'float32', [], Float32Array.of(1)),
        createTensor('none', 'float32', [1], Float32Array.of(0)),
        createTensor('shape', 'int64', [2], BigInt64Array.of(4n, 2n)),
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
    'a Cast to the same type': [
      dequantize('w', 'd'),
      buildNode('Cast', ['d'], ['wd'], [intAttribute('to', 1)]),
      product(),
    ],
    'a Cast of the codes to their own type': [
      buildNode('Cast', ['w'], ['c'], [intAttribute('to', 3)]),
      dequantize('c'),
      product(),
    ],
    'a Dropout': [dequantize('w', 'd'), buildNode('Dropout', ['d'], ['wd']), product()],
    'a product with 1': [dequantize('w', 'd'), buildNode('Mul', ['one', 'd'], ['wd']), product()],
    'a quotient by 1 and a sum with 0': [
      dequantize('w', 'd'),
      buildNode('Div', ['d', 'one'], ['e']),
      buildNode('Add', ['e', 'none'], ['f']),
      buildNode('Sub', ['f', 'none'], ['wd']),
      product(),
    ],
    'an Expand to the same shape': [
      dequantize('w', 'd'),
      buildNode('Expand', ['d', 'shape'], ['wd']),
      product(),
    ],
    'a Reshape by a list in a Constant': [
      buildNode('Constant', [], ['list'], [intsAttribute('value_ints', [4, 2])]),
      buildNode('Reshape', ['eight', 'list'], ['c']),
      dequantize('c'),
      product(),
    ],
    'a chain of quantize steps with a Transpose in it': [
      dequantize('wt', 'd'),
      buildNode('Transpose', ['d'], ['e']),
      buildNode('QuantizeLinear', ['e', 's', 'wz'], ['c']),
      dequantize('c'),
      product(),
    ],
    'a QuantizeLinear whose output_dtype is int8': [
      buildNode('QuantizeLinear', ['wf', 's'], ['c'], [intAttribute('output_dtype', 3)]),
      buildNode('DequantizeLinear', ['c', 's'], ['wd']),
      product(),
    ],
    'a Dropout of the activation': [
      dequantize('w'),
      buildNode('Dropout', ['xd'], ['moved']),
      buildNode('MatMul', ['moved', 'wd'], ['y']),
    ],
    'a Cast, product and sum of the activation that change nothing': [
      dequantize('w'),
      buildNode('Cast', ['xd'], ['a'], [intAttribute('to', 1)]),
      buildNode('Mul', ['a', 'one'], ['b']),
      buildNode('Add', ['none', 'b'], ['moved']),
      buildNode('MatMul', ['moved', 'wd'], ['y']),
    ],
  };
  for (const [what, nodes] of Object.entries(found)) {
    it(`finds weights behind ${what}`, () => {
      const [risk, ...others] = scan(behind(nodes));
      assert.deepEqual([risk?.channels, risk?.channelsAtRisk, others], [2, 2, []]);
    });
  }

  it('finds a weight of one dimension, and that of a Conv behind a Pad', () => {
    const row = createTensor('row', 'int8', [4], Int8Array.of(127, 127, 0, 0));
    assert.equal(scan(behind([dequantize('row'), product()], [row]))[0]?.channels, 1);
    const kernel = createTensor('kernel', 'int8', [1, 2, 1, 1], Int8Array.of(127, 127));
    const pad = buildNode('Pad', ['xd', 'pads'], ['padded']);
    const conv = buildNode('Conv', ['padded', 'wd'], ['y']);
    assert.equal(scan(behind([dequantize('kernel'), pad, conv], [kernel])).length, 1);
  });

  it('finds both readers of a shared weight, one of them through a Transpose where the channels move', () => {
    const scales = createTensor('s4', 'float32', [4], Float32Array.of(0.1, 0.2, 0.1, 0.2));
    const zeros = createTensor('z4', 'int8', [4], new Int8Array(4));
    const weights = createTensor(
      'square',
      'int8',
      [4, 4],
      // Row 0 alone is large: no pair along K (the rows) overflows, behind the Transpose one channel does.
      Int8Array.of(127, 127, 127, 127, ...Array<number>(12).fill(0)),
    );
    const perChannel = buildNode(
      'DequantizeLinear',
      ['square', 's4', 'z4'],
      ['wd'],
      [intAttribute('axis', 0)],
    );
    const nodes = [
      perChannel,
      buildNode('Transpose', ['wd'], ['moved'], [intsAttribute('perm', [1, 0])]),
      buildNode('MatMul', ['xd', 'wd'], ['plain']),
      buildNode('MatMul', ['xd', 'moved'], ['y']),
    ];
    assert.deepEqual(
      scan(behind(nodes, [scales, zeros, weights])).map(({ node, channelsAtRisk }) => [node, channelsAtRisk]),
      [['y', 1]],
    );
  });

  it('quantizes constant weights per channel, ties to even', () => {
    // 64.5 becomes 64: a pair of 128 is exact, one of 129 is not.
    const floats = createTensor('floats', 'float32', [2, 2], Float32Array.of(64.5, 65, 64, 128));
    const scales = createTensor('s2', 'float32', [2], Float32Array.of(1, 2));
    const zeros = createTensor('z2', 'int8', [2], new Int8Array(2));
    const axis = (value: number) => [intAttribute('axis', value)];
    const nodes = (value: number) => [
      buildNode('QuantizeLinear', ['floats', 's2', 'z2'], ['c'], axis(value)),
      buildNode('DequantizeLinear', ['c', 's2', 'z2'], ['wd'], axis(value)),
      product(),
    ];
    const channels = (value: number) =>
      listIntegerWeights(behind(nodes(value), [floats, scales, zeros])).known.flatMap(({ rowsOf }) => [
        ...rowsOf(0),
        ...rowsOf(1),
      ]);
    assert.deepEqual(channels(1), [Int8Array.of(64, 64), Int8Array.of(32, 64)]);
    assert.deepEqual(channels(0), [Int8Array.of(64, 32), Int8Array.of(65, 64)]);
  });

  it('leaves uint8 weights out, and int8 activations that one reader takes, which become uint8', () => {
    const bytes = createTensor('bytes', 'uint8', [4, 2], new Uint8Array(8).fill(250));
    const plain = buildNode('DequantizeLinear', ['bytes', 's', 'xz'], ['wd']);
    assert.deepEqual(scan(behind([plain, product()], [bytes])), []);
    const codes = buildNode('QuantizeLinear', ['v', 's', 'wz'], ['c']);
    assert.deepEqual(scan(behind([codes, dequantize('c'), product()])), []);
  });

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

  it('looks into functions of the model’s own, across their borders', () => {
    const scanWith = (nodes: readonly NodeProto[], ...functions: FunctionProto[]) =>
      scanSaturation({ graph: behind(nodes), functions });
    const own = (name: string, input: string[], node: NodeProto) => {
      return create(FunctionProtoSchema, { domain: 'own', name, input, output: ['o'], node: [node] });
    };
    const call = (name: string, input: string[], output: string) => {
      return Object.assign(buildNode(name, input, [output]), { domain: 'own' });
    };
    const multiply = own('Multiply', ['a', 'b'], buildNode('MatMul', ['a', 'b'], ['o']));
    const expand = own('Expand8', ['q', 's', 'z'], buildNode('DequantizeLinear', ['q', 's', 'z'], ['o']));
    const sigmoid = own('Act', ['a'], buildNode('Sigmoid', ['a'], ['o']));
    const nodes = [
      call('Expand8', ['w', 's', 'wz'], 'wd'),
      call('Multiply', ['xd', 'wd'], 'm'),
      call('Act', ['m'], 'y'),
    ];
    const { risks, unknown } = scanWith(nodes, multiply, expand, sigmoid);
    assert.deepEqual([risks.map(({ channelsAtRisk }) => channelsAtRisk), unknown], [[2], []]);
  });

  it('does not know weights that are computed or given, nor what a function without end does', () => {
    const unknownOf = (nodes: readonly NodeProto[], functions: FunctionProto[] = []) =>
      scanSaturation({ graph: behind(nodes), functions }).unknown.map(({ node, why }) => `${node}: ${why}`);
    const codes = buildNode('QuantizeLinear', ['v', 's', 'wz'], ['c']);
    const shared = [codes, dequantize('c'), product(), buildNode('Sigmoid', ['wd'], ['other'])];
    assert.match(unknownOf(shared).join(), /^y: its int8 weights are computed by QuantizeLinear$/);
    const gathered = buildNode('Gather', ['w', 'flat'], ['c']);
    assert.match(unknownOf([gathered, dequantize('c'), product()]).join(), /computed by Gather$/);
    assert.match(unknownOf([dequantize('v'), product()]).join(), /given with each inference$/);
    const scaled = buildNode('Mul', ['wf', 'wf'], ['f']);
    const folded = buildNode('QuantizeLinear', ['f', 's', 'wz'], ['c']);
    assert.match(
      unknownOf([scaled, folded, dequantize('c'), product()]).join(),
      /computed by QuantizeLinear$/,
    );
    assert.match(unknownOf([codes, buildNode('MatMulInteger', ['xq', 'c'], ['y'])]).join(), /computed/);
    const call = buildNode('Block', ['xd'], ['y']);
    call.domain = 'own';
    const again = buildNode('Block', ['a'], ['b']);
    again.domain = 'own';
    const endless = create(FunctionProtoSchema, {
      ...{ domain: 'own', name: 'Block', input: ['a'], output: ['b'] },
      node: [again],
    });
    assert.match(unknownOf([call], [endless]).join(), /function of the model’s own/);
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
