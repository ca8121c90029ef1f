import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContractFields, readContractFile } from './read-contract-file.ts';
import { openTestParts } from './testing/open-test-parts.ts';

test('YAML and JSON say the same', async () => {
  await using parts = await openTestParts();
  const yaml = await parts.write('c.yaml', 'preset: imagenet\nchannels: BGR\n');
  const json = await parts.write('c.json', '{"preset": "imagenet", "channels": "BGR"}');
  assert.deepEqual(await readContractFile(yaml), { preset: 'imagenet', channels: 'BGR' });
  assert.deepEqual(await readContractFile(json), await readContractFile(yaml));
});

test('an unknown field, a wrong value and broken YAML are errors that name the place', () => {
  assert.throws(() => parseContractFields('skale: 1', 'c.yaml'), {
    code: 'invalid-argument',
    message: /c.yaml.*skale/,
  });
  assert.throws(() => parseContractFields('height: -1', 'c.yaml'), { message: /c.yaml, height/ });
  assert.throws(() => parseContractFields('preset: caffe', 'c.yaml'), { message: /c.yaml, preset/ });
  assert.throws(() => parseContractFields('a: [', 'c.yaml'), { message: /neither YAML nor JSON/ });
});

test('a file that is not there is not found', async () => {
  await assert.rejects(readContractFile('/nowhere/contract.yaml'), { code: 'not-found' });
});
