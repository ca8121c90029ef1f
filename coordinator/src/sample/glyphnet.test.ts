import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { makeGlyphSet } from './make-glyph-set.ts';

const SAMPLE = new URL('../../sample/', import.meta.url);
/** The seed whose first 10,000 pictures train.py holds out. */
const HELD_OUT_SEED = 2;
const COUNT = 1200;

test('the committed network is right on 97 % of held-out pictures or more, fed by its contract', async () => {
  const contract = JSON.parse(readFileSync(new URL('input-contract.json', SAMPLE), 'utf8'));
  assert.deepEqual([contract.layout, contract.elementType, contract.channels], ['NCHW', 'float32', 'gray']);
  const { images, labels, height, width, classNames } = makeGlyphSet({ seed: HELD_OUT_SEED, count: COUNT });
  const pixels = Float32Array.from(
    images,
    (value) => (value * contract.scale - contract.mean[0]) / contract.deviation[0],
  );

  const session = await InferenceSession.create(readFileSync(new URL('glyphnet.onnx', SAMPLE)));
  const { logits } = await session.run({ input: new Tensor('float32', pixels, [COUNT, 1, height, width]) });
  await session.release();

  const scores = logits?.data as Float32Array;
  let right = 0;
  for (let index = 0; index < COUNT; index++) {
    const row = scores.subarray(index * classNames.length, (index + 1) * classNames.length);
    if (row.indexOf(Math.max(...row)) === labels[index]) right++;
  }
  assert.ok(right >= 0.97 * COUNT, `${right} of ${COUNT} are right`);
});
