import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createToken, readOperatorFile, removeOperatorFile, writeOperatorFile } from './operator-file.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'qfleet-operator-'));
after(() => rmSync(dataDir, { recursive: true }));

test('the operator file is read back as it was written, and only its owner can read it', async () => {
  const operator = { url: 'http://127.0.0.1:7080', token: createToken(), pid: 42 };
  await writeOperatorFile(dataDir, operator);
  assert.deepEqual(await readOperatorFile(dataDir), operator);
  assert.equal(statSync(join(dataDir, 'operator.json')).mode & 0o777, 0o600);
  await removeOperatorFile(dataDir);
  assert.equal(await readOperatorFile(dataDir), undefined);
});

test('a token has 256 bits and no two are equal', () => {
  assert.equal(Buffer.from(createToken(), 'base64url').length, 32);
  assert.notEqual(createToken(), createToken());
});

test('a damaged operator file is named with what to do', async () => {
  writeFileSync(join(dataDir, 'operator.json'), '{"url":');
  await assert.rejects(readOperatorFile(dataDir), {
    code: 'configuration',
    message: /operator\.json is damaged/,
  });
});
