import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import { readEngineProfile } from '@qfleet/shared/trtexec/engine-profile.ts';
import { engineLayers, printLayerNames, printProfile } from '@qfleet/shared/trtexec/testing/print-exports.ts';
import { layerRoofline } from './layer-roofline.ts';
import { readOperatorProfile } from './operator-profile.ts';
import { parseKernels } from './parse-kernels.ts';

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const conv = '/model/backbone/layer1/0/conv1/Conv';
const none = { batch: 1, threadsUsed: 1, probe: [], whyNoTime: undefined };

describe('the profile of a TensorRT engine', () => {
  it('has its layers by the names of the file, fused ones too', () => {
    const bytes = encode(readEngineProfile(printProfile(641, engineLayers), printLayerNames(engineLayers)));
    const kernels = parseKernels(bytes);
    assert.equal(kernels.length, engineLayers.length);
    const found = kernels.find(({ names }) => names.includes(conv));
    assert.deepEqual([found?.type, found?.kind, found?.provider], ['Conv', 'unknown', 'TensorRT']);
    assert.ok(found?.names.includes('/model/backbone/layer1/0/act1/Relu'));

    const { operators, readings } = readOperatorProfile(bytes, undefined);
    const [integer, , moved] = readings;
    assert.match(integer?.status === 'unavailable' ? integer.reason : '', /^not-told/);
    assert.ok((readingValue(moved) ?? 0) > 0, 'copies between layouts take time');
    assert.ok(operators.some(({ type }) => type === 'Reformat'));
    const shares = operators.reduce((sum, { timeShare }) => sum + (readingValue(timeShare) ?? 0), 0);
    assert.ok(Math.abs(shares - 1) < 1e-9, `${shares}`);

    const known = [{ name: conv, aliases: [], operator: 'Conv', macs: 1e6, weights: 4096 }];
    const roofs = layerRoofline({ ...none, profile: bytes, layers: known });
    assert.deepEqual([roofs.unmatched, roofs.layers[0]?.kind], [0, 'unknown']);
    assert.equal(Math.round(readingValue(roofs.layers[0]?.time)!), 135_200);
  });

  it('of an engine that tells what its layers compute on', () => {
    const bytes = encode({
      tool: 'trtexec',
      layers: [
        { name: 'x_QuantizeLinear', averageMs: 1, type: 'Scale', inputType: 'float32' },
        { name: 'conv1 + PWN(relu1)', averageMs: 6, type: 'CaskConvolution', inputType: 'int8' },
        { name: 'fc', averageMs: 3, type: 'CaskGemm', inputType: 'float16' },
      ],
    });
    const kernels = parseKernels(bytes);
    assert.deepEqual(
      kernels.map(({ names, kind }) => [names.join(), kind]),
      [
        ['x_QuantizeLinear', 'convert'],
        ['conv1,relu1', 'integer'],
        ['fc', 'float'],
      ],
    );
    const { readings } = readOperatorProfile(bytes, undefined);
    assert.deepEqual(readings.map(readingValue), [0.6, 0.1, 0]);
  });
});

test('a layer whose weights alone are quantized keeps its name in the profile', () => {
  const event = {
    cat: 'Node',
    name: 'MatMul_3_Q4_kernel_time',
    dur: 12,
    args: {
      op_name: 'MatMulNBits',
      provider: 'CPUExecutionProvider',
      input_type_shape: [{ float: [1, 64] }],
    },
  };
  const [kernel] = parseKernels(encode([event]));
  assert.deepEqual([kernel?.names, kernel?.type, kernel?.kind], [['MatMul_3'], 'MatMulNBits', 'float']);
});
