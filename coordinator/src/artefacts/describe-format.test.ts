import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../onnx/attribute.ts';
import { createTensor } from '../onnx/tensor.ts';
import { describeFormat } from './describe-format.ts';

/** A node written as `output = Operator(input, …)`, with whole numbers as attributes behind: `axis=0`. */
function nodeOf(line: string): NodeProto {
  const [, output = '', opType = '', inputs = '', attributes = ''] =
    /^(\w+) = (\w+)\((.*)\)(.*)$/.exec(line) ?? [];
  const attribute = attributes
    .split(' ')
    .filter((text) => text !== '')
    .map((text) => intAttribute(text.split('=')[0]!, Number(text.split('=')[1])));
  return create(NodeProtoSchema, { opType, input: inputs.split(', '), output: [output], attribute });
}

function graphOf(lines: readonly string[], initializer: readonly TensorProto[]): GraphProto {
  return create(GraphProtoSchema, { node: lines.map(nodeOf), initializer: [...initializer] });
}

function modelOf(lines: readonly string[], initializer: readonly TensorProto[]): ModelProto {
  return create(ModelProtoSchema, { graph: graphOf(lines, initializer) });
}

/** The four axes in one line, to compare at a glance. */
function axesOf(lines: readonly string[], initializer: readonly TensorProto[]): string {
  const { format, granularity, symmetry, placement } = describeFormat(modelOf(lines, initializer));
  return [format, granularity, symmetry, placement].join(' ');
}

const scale = createTensor('s', 'float32', [], Float32Array.of(0.1));
const scales = createTensor('ss', 'float32', [2], Float32Array.of(0.1, 0.2));
const weight = createTensor('w', 'int8', [2, 1, 1, 1], Int8Array.of(1, 2));
const bias = createTensor('b', 'int32', [2], Int32Array.of(1, 2));
const floatWeight = createTensor('fw', 'float32', [2, 1, 1, 1], Float32Array.of(1, 2));
const zero = createTensor('z', 'uint8', [], Uint8Array.of(3));
const middle = createTensor('m', 'uint8', [], Uint8Array.of(128));
const zeros = createTensor('zz', 'int8', [2], Int8Array.of(0, 0));
const activation = ['xq = QuantizeLinear(x, s, z)', 'xd = DequantizeLinear(xq, s, z)'];
const parts = [scale, scales, weight, bias, floatWeight, zero, middle, zeros];

test('a QDQ model with one scale for each channel of a weight is per-channel', () => {
  const lines = [
    ...activation,
    'wd = DequantizeLinear(w, ss, zz)',
    'bd = DequantizeLinear(b, ss)',
    'y = Conv(xd, wd, bd)',
    'r = Relu(y)',
  ];
  assert.deepEqual(describeFormat(modelOf(lines, parts)), {
    format: 'uint8/int8',
    granularity: 'per-channel',
    symmetry: 'asymmetric/symmetric',
    placement: 'qdq',
    folding: { batchNorms: 0, clips: 0 },
    quantizedOperators: { Conv: 1 },
    floatOperators: { Relu: 1 },
    notes: [
      'Activations are asymmetric uint8: TensorRT, whose integers are symmetric int8, refuses the file.',
    ],
  });
});

test('weights that the file quantizes itself count, as PyTorch exports them', () => {
  const lines = [
    ...activation,
    'wq = QuantizeLinear(fw, s, z)',
    'wd = DequantizeLinear(wq, s, z)',
    'y = Conv(xd, wd)',
  ];
  assert.equal(axesOf(lines, parts), 'uint8/uint8 per-tensor asymmetric/asymmetric qdq');
});

test('zero points and types are read through Constant, Identity, Cast and ConstantOfShape nodes', () => {
  const shape = createTensor('shape', 'int64', [1], BigInt64Array.of(2n));
  const wide = createTensor('wide', 'int32', [], Int32Array.of(128));
  const lines = [
    'mid = Cast(wide) to=2',
    'zero32 = ConstantOfShape(shape)',
    'zero8 = Cast(zero32) to=3',
    'same = Identity(zero8)',
    'xq = QuantizeLinear(x, s, mid)',
    'xc = Cast(xq) to=2',
    'xd = DequantizeLinear(xc, s, mid)',
    'wq = QuantizeLinear(fw, ss, same) axis=0',
    'wd = DequantizeLinear(wq, ss, same) axis=0',
    'wt = Transpose(wd)',
    'y = MatMul(xd, wt)',
  ];
  const described = describeFormat(modelOf(lines, [...parts, shape, wide]));
  const { format, granularity, symmetry, quantizedOperators, floatOperators } = described;
  assert.deepEqual([format, granularity, symmetry], ['uint8/int8', 'per-channel', 'symmetric/symmetric']);
  assert.deepEqual([quantizedOperators, floatOperators], [{ MatMul: 1 }, {}]);
});

test('int8 activations in a QDQ file are noted, for ONNX Runtime keeps them in float on x64', () => {
  const lines = [
    'xq = QuantizeLinear(x, s, i)',
    'xd = DequantizeLinear(xq, s, i)',
    'wd = DequantizeLinear(w, s)',
    'y = Conv(xd, wd)',
  ];
  const signed = createTensor('i', 'int8', [], Int8Array.of(0));
  const { notes, symmetry } = describeFormat(modelOf(lines, [...parts, signed]));
  assert.equal(symmetry, 'symmetric/symmetric');
  assert.deepEqual(notes, [
    'Activations are int8: ONNX Runtime keeps much of it in float on x64, where it fuses uint8.',
  ]);
});

test('16-bit activations have their middle at 32768', () => {
  const lines = [
    'xq = QuantizeLinear(x, s, h)',
    'xd = DequantizeLinear(xq, s, h)',
    'wd = DequantizeLinear(w, s)',
    'y = Conv(xd, wd)',
  ];
  const half = createTensor('h', 'uint16', [], Uint16Array.of(32768));
  assert.equal(axesOf(lines, [...parts, half]), 'uint16/int8 per-tensor symmetric/symmetric qdq');
});

test('QuantizeLinear without a zero point is uint8 from 0 on, or what output_dtype says', () => {
  const weights = ['wd = DequantizeLinear(w, s)', 'y = Conv(xd, wd)'];
  const lines = (attribute: string): string[] => [
    `xq = QuantizeLinear(x, s)${attribute}`,
    'xd = DequantizeLinear(xq, s)',
    ...weights,
  ];
  assert.equal(axesOf(lines(''), parts), 'uint8/int8 per-tensor asymmetric/symmetric qdq');
  assert.equal(axesOf(lines(' output_dtype=5'), parts), 'int16/int8 per-tensor symmetric/symmetric qdq');
});

test('constants that are merely added do not speak for the weights', () => {
  const lines = [
    ...activation,
    'wd = DequantizeLinear(w, ss, zz)',
    'y = Conv(xd, wd)',
    'yq = QuantizeLinear(y, s, z)',
    'yd = DequantizeLinear(yq, s, z)',
    'cd = DequantizeLinear(c, s, z)',
    'a = Add(yd, cd)',
  ];
  const added = createTensor('c', 'uint8', [1], Uint8Array.of(9));
  assert.equal(axesOf(lines, [...parts, added]), 'uint8/int8 per-channel asymmetric/symmetric qdq');
});

test('weights alone in integers leave float activations, of the type that their scales have', () => {
  const lines = ['wd = DequantizeLinear(w, s)', 'y = Conv(x, wd)'];
  assert.equal(axesOf(lines, parts), 'float32/int8 per-tensor none/symmetric weight-only');
  const half = createTensor('s', 'float16', [], Uint16Array.of(0x3c00));
  assert.equal(axesOf(lines, [half, weight]), 'float16/int8 per-tensor none/symmetric weight-only');
});

test('int4 weights in blocks are per-block', () => {
  const packed = create(TensorProtoSchema, {
    name: 'p',
    dataType: 21,
    dims: [4n, 2n],
    rawData: Uint8Array.of(1, 2, 3, 4),
  });
  const points = create(TensorProtoSchema, {
    name: 'pz',
    dataType: 21,
    dims: [2n, 2n],
    rawData: Uint8Array.of(0x88, 0x88),
  });
  const blocks = createTensor('ps', 'float32', [2, 2], new Float32Array(4));
  const lines = ['wd = DequantizeLinear(p, ps, pz) axis=0 block_size=2', 'y = MatMul(x, wd)'];
  const { notes } = describeFormat(modelOf(lines, [packed, points, blocks]));
  assert.equal(axesOf(lines, [packed, points, blocks]), 'float32/uint4 per-block none/symmetric weight-only');
  assert.deepEqual(notes, ['Weights have one scale for each block of 2.']);
});

test('MatMulNBits without zero points has them in the middle; the padding of its rows is none', () => {
  const packed = createTensor('p', 'uint8', [2, 3, 8], new Uint8Array(48));
  const blocks = createTensor('ps', 'float32', [2, 3], new Float32Array(6));
  const points = createTensor('pz', 'uint8', [4], Uint8Array.of(0x88, 0x08, 0x88, 0x08));
  const shape = 'K=48 N=2 bits=4 block_size=16';
  assert.equal(
    axesOf([`y = MatMulNBits(x, p, ps) ${shape}`], [packed, blocks]),
    'float32/int4 per-block none/symmetric weight-only',
  );
  const withPoints = [`y = MatMulNBits(x, p, ps, pz) ${shape}`];
  assert.match(axesOf(withPoints, [packed, blocks, points]), /uint4 per-block none\/symmetric/);
  const off = createTensor('pz', 'uint8', [4], Uint8Array.of(0x88, 0x08, 0x78, 0x08));
  assert.match(axesOf(withPoints, [packed, blocks, off]), /uint4 per-block none\/asymmetric/);
});

test('integer operators say what they are by their own inputs', () => {
  const lines = [
    'xq = QuantizeLinear(x, s, z)',
    'cq = QLinearConv(xq, s, z, w, ss, zz, s, z, b)',
    'aq = QLinearAdd(cq, s, z, xq, s, z, s, z)',
    'kq = QLinearConcat(s, z, aq, s, z, cq, s, z)',
    'y = DequantizeLinear(kq, s, z)',
  ];
  const { quantizedOperators, notes } = describeFormat(modelOf(lines, parts));
  assert.equal(axesOf(lines, parts), 'uint8/int8 per-channel asymmetric/symmetric qoperator');
  assert.deepEqual(quantizedOperators, { QLinearConv: 1, QLinearAdd: 1, QLinearConcat: 1 });
  assert.deepEqual(notes, []);
});

test('dynamic quantization is named in a note', () => {
  const lines = ['xq = DynamicQuantizeLinear(x)', 'y = MatMulInteger(xq, w, z, zz)'];
  assert.equal(axesOf(lines, parts), 'uint8/int8 per-channel asymmetric/symmetric dynamic');
  const { quantizedOperators, notes } = describeFormat(modelOf(lines, parts));
  assert.deepEqual(quantizedOperators, { MatMulInteger: 1 });
  assert.match(notes.join(), /dynamic quantization/);
});

test('a recurrent operator with one scale for each direction is per-tensor, with one for each gate per-channel', () => {
  const recurrent = createTensor('rw', 'int8', [2, 3, 4], new Int8Array(24));
  const perGate = createTensor('rs', 'float32', [2, 4], new Float32Array(8));
  const points = createTensor('rz', 'int8', [2], new Int8Array(2));
  const line = (scale: string): string[] => [
    `y = DynamicQuantizeLSTM(x, rw, rw, , , , , , ${scale}, rz, ${scale}, rz)`,
  ];
  const given = [...parts, recurrent, perGate, points];
  assert.equal(axesOf(line('ss'), given), 'uint8/int8 per-tensor asymmetric/symmetric dynamic');
  assert.equal(axesOf(line('rs'), given), 'uint8/int8 per-channel asymmetric/symmetric dynamic');
});

test('BatchNormalization and clipping that a converter would have folded are counted', () => {
  const lines = [
    ...activation,
    'wd = DequantizeLinear(w, ss, zz)',
    'c = Conv(xd, wd)',
    'n = BatchNormalization(c, fw, fw, fw, fw)',
    'r = Relu(n)',
    'rq = QuantizeLinear(r, s, z)',
    'k = Clip(rq)',
    'rd = DequantizeLinear(k, s, z)',
    'y = Clip(rd)',
  ];
  const { folding, floatOperators, notes } = describeFormat(modelOf(lines, parts));
  assert.deepEqual(folding, { batchNorms: 1, clips: 2 });
  assert.deepEqual(floatOperators, { BatchNormalization: 1, Relu: 1, Clip: 1 });
  assert.match(notes.join(), /Clip between QuantizeLinear and DequantizeLinear \(1\)/);
});

test('an operator between dequantized tensors whose result stays float is a float one', () => {
  const lines = [...activation, 'a = Add(xd, xd)', 'p = MaxPool(xd)', 'pq = QuantizeLinear(p, s, z)'];
  const { quantizedOperators, floatOperators } = describeFormat(modelOf(lines, parts));
  assert.deepEqual([quantizedOperators, floatOperators], [{ MaxPool: 1 }, { Add: 1 }]);
});

test('branches of an If that use the same names do not mix', () => {
  const signed = createTensor('z', 'int8', [], Int8Array.of(0));
  const branch = (point: TensorProto): GraphProto =>
    graphOf(
      [
        'q = QuantizeLinear(x, s, z)',
        'd = DequantizeLinear(q, s, z)',
        'y = MaxPool(d)',
        'yq = QuantizeLinear(y, s, z)',
      ],
      [scale, point],
    );
  const model = modelOf(['y = If(c)'], []);
  model.graph!.node[0]!.attribute = [branch(zero), branch(signed)].map((g) =>
    create(AttributeProtoSchema, { name: 'branch', g }),
  );
  const { notes, symmetry } = describeFormat(model);
  assert.match(notes.join(), /activations are of several types: int8 \(\d\), uint8 \(\d\)/);
  assert.equal(symmetry, 'asymmetric/none');
});

test("a model's own functions are read as if they stood in the graph", () => {
  const model = modelOf(['y = FakeConv(x, w, ss)'], parts);
  model.graph!.node[0]!.domain = 'pkg.example';
  model.functions = [
    create(FunctionProtoSchema, {
      domain: 'pkg.example',
      name: 'FakeConv',
      input: ['a', 'k', 'scale'],
      output: ['out'],
      node: ['kd = DequantizeLinear(k, scale)', 'out = Conv(a, kd)'].map(nodeOf),
    }),
  ];
  const { format, granularity, quantizedOperators } = describeFormat(model);
  assert.deepEqual([format, granularity, quantizedOperators], ['float32/int8', 'per-channel', { Conv: 1 }]);
});

test('a model of floats is described by the type of most of its numbers', () => {
  const half = createTensor('h', 'float16', [2, 2], new Uint16Array(4));
  assert.equal(axesOf(['y = Add(x, h)'], [half]), 'float16 none none none');
  const mixed = describeFormat(modelOf(['y = Add(x, h)', 'v = Add(u, fw)'], [half, floatWeight]));
  assert.equal(mixed.format, 'float16');
  assert.deepEqual(mixed.notes, ['The float weights are of several types: float16 (1), float32 (1).']);
  const described = describeFormat(modelOf(['y = Add(x, fw)'], [floatWeight]));
  assert.deepEqual([described.format, described.granularity], ['float32', 'none']);
  assert.deepEqual(described.floatOperators, { Add: 1 });
});
