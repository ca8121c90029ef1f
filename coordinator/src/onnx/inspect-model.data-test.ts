import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testDataPath } from '../../../test/support/test-data.ts';
import { inspectModel } from './inspect-model.ts';
import { readModel } from './read-model.ts';

describe('inspectModel', () => {
  const mobilenet = testDataPath('models/mobilenetv2-7.onnx');
  it('counts MobileNetV2 as its authors do', async () => {
    const { macs, operators } = await inspectModel((await readModel(mobilenet)).model);
    // 300 million in the paper (Sandler et al., 2018, table 4).
    assert.equal(Math.round(macs! / 1e6), 301);
    assert.equal(operators['Conv'], 52);
  });

  const silero = testDataPath('models/silero_vad_16k_op15.onnx');
  it('leaves the sum out, and says why, where operators cannot be counted', async () => {
    const { macs, notes, inputs } = await inspectModel((await readModel(silero)).model);
    assert.equal(macs, undefined);
    assert.match(notes.join(' '), /If "\/model\/decoder\/If"/);
    assert.deepEqual(
      inputs.map(({ elementType }) => elementType),
      ['float32', 'float32', 'int64'],
    );
  });
});
