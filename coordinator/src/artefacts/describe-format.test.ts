import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { createTensor } from '../onnx/tensor.ts';
import { describeFormat } from './describe-format.ts';

/** A model of nodes written as `output = Operator(input, …)`. */
function modelOf(lines: readonly string[], initializer: readonly TensorProto[]): ModelProto {
  const node = lines.map((line) => {
    const [, output = '', opType = '', inputs = ''] = /^(\w+) = (\w+)\((.*)\)$/.exec(line) ?? [];
    return create(NodeProtoSchema, { opType, input: inputs.split(', '), output: [output] });
  });
  return create(ModelProtoSchema, {
    graph: create(GraphProtoSchema, { node, initializer: [...initializer] }),
  });
}

const scale = createTensor('s', 'float32', [], Float32Array.of(0.1));
const scales = createTensor('ss', 'float32', [2], Float32Array.of(0.1, 0.2));
const weight = createTensor('w', 'int8', [2, 1, 1, 1], Int8Array.of(1, 2));
const bias = createTensor('b', 'int32', [2], Int32Array.of(1, 2));
const floatWeight = createTensor('fw', 'float32', [2, 1, 1, 1], Float32Array.of(1, 2));
const zero = createTensor('z', 'uint8', [], Uint8Array.of(3));
const zeros = createTensor('zz', 'int8', [2], Int8Array.of(0, 0));
const activation = ['xq = QuantizeLinear(x, s, z)', 'xd = DequantizeLinear(xq, s, z)'];

test('a QDQ model with one scale for each channel of a weight is per-channel', () => {
  const lines = [
    ...activation,
    'wd = DequantizeLinear(w, ss, zz)',
    'bd = DequantizeLinear(b, ss)',
    'y = Conv(xd, wd, bd)',
    'r = Relu(y)',
  ];
  const described = describeFormat(modelOf(lines, [scale, scales, weight, bias, zero, zeros]));
  assert.deepEqual(described, {
    format: 'uint8/int8',
    granularity: 'per-channel',
    quantizedOperators: { Conv: 1 },
    floatOperators: { Relu: 1 },
    notes: [],
  });
});

test('weights that the file quantizes itself count, as PyTorch exports them', () => {
  const lines = [
    ...activation,
    'wq = QuantizeLinear(fw, s, z)',
    'wd = DequantizeLinear(wq, s, z)',
    'y = Conv(xd, wd)',
  ];
  const { format, granularity } = describeFormat(modelOf(lines, [scale, floatWeight, zero]));
  assert.deepEqual([format, granularity], ['uint8/uint8', 'per-tensor']);
});

test('weights alone in integers leave float32 activations', () => {
  const lines = ['wd = DequantizeLinear(w, s)', 'y = Conv(x, wd)'];
  assert.equal(describeFormat(modelOf(lines, [scale, weight])).format, 'float32/int8');
});

test('dynamic quantization is named in a note', () => {
  const lines = ['xq = DynamicQuantizeLinear(x)', 'y = MatMulInteger(xq, w, z, zz)'];
  const { format, granularity, quantizedOperators, notes } = describeFormat(
    modelOf(lines, [weight, zero, zeros]),
  );
  assert.deepEqual(
    [format, granularity, quantizedOperators],
    ['uint8/int8', 'per-channel', { MatMulInteger: 1 }],
  );
  assert.match(notes.join(), /dynamic quantization/);
});

test('a model of floats is described by their type', () => {
  const half = createTensor('h', 'float16', [1], Uint16Array.of(0x3c00));
  assert.equal(describeFormat(modelOf(['y = Add(x, h)'], [half])).format, 'float16');
  const described = describeFormat(modelOf(['y = Add(x, fw)'], [floatWeight]));
  assert.deepEqual([described.format, described.granularity], ['float32', 'none']);
  assert.deepEqual(described.floatOperators, { Add: 1 });
});
