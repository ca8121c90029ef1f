import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import { readEngineProfile } from '@qfleet/shared/trtexec/engine-profile.ts';
import { testDataPath } from '../../../test/support/test-data.ts';
import { layerRoofline } from './layer-roofline.ts';
import { readOperatorProfile } from './operator-profile.ts';
import { parseKernels } from './parse-kernels.ts';

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const recorded = ['trtexec/detr-profile.json', 'trtexec/detr-layer-info.json'] as const;
const conv = '/model/model/backbone/conv_encoder/model/layer1/0/conv1/Conv';
const none = { batch: 1, threadsUsed: 1, probe: [], whyNoTime: undefined };

test('a TensorRT engine of DETR has its layers by the names of the file, fused ones too', async () => {
  const [profile, layers] = await Promise.all(recorded.map((path) => readFile(testDataPath(path), 'utf8')));
  const bytes = encode(readEngineProfile(profile!, layers));
  const kernels = parseKernels(bytes);
  assert.equal(kernels.length, 840);
  const found = kernels.find(({ names }) => names.includes(conv));
  assert.deepEqual([found?.type, found?.kind, found?.provider], ['Conv', 'unknown', 'TensorRT']);
  assert.ok(found?.names.includes('/model/model/backbone/conv_encoder/model/layer1/0/act1/Relu'));

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
  assert.equal(Math.round(readingValue(roofs.layers[0]?.time)!), Math.round(1e6 * averageOf(profile!, conv)));
});

/** From the text, by another way than the parser's. */
function averageOf(profile: string, name: string): number {
  const line = profile.split('\n').find((one) => one.includes(`"${name} + `))!;
  return Number(/"averageMs" : ([\d.]+)/.exec(line)![1]);
}
