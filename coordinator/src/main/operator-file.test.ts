import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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

test('a link that was planted under a temporary name is not followed, and a folder or pipe is no operator file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-operator-'));
  after(() => rmSync(folder, { recursive: true }));
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, join(folder, `operator.json.${process.pid}`));
  await writeOperatorFile(folder, { url: 'http://127.0.0.1:7080', token: createToken(), pid: 42 });
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  await removeOperatorFile(folder);
  for (const program of ['mkdir', 'mkfifo']) {
    const path = join(folder, 'operator.json');
    execFileSync(program, [path]);
    await assert.rejects(readOperatorFile(folder), { code: 'configuration', message: /is damaged/ });
    rmSync(path, { recursive: true });
  }
});
