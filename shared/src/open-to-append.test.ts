import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openToAppend } from './open-to-append.ts';
import { actAsOrdinaryUser } from './testing/act-as-ordinary-user.ts';

test('a file that was left read-only grows again, for an ordinary user', async () => {
  using _user = actAsOrdinaryUser();
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-append-'));
  const path = join(folder, 'part');
  for (const [piece, mode] of [
    ['a', 0o440],
    ['b', 0o000],
    ['c', 0o440],
  ] as const) {
    const file = await openToAppend(path);
    await file.writeFile(piece);
    await file.close();
    await chmod(path, mode);
  }
  assert.equal(await readFile(path, 'utf8'), 'abc');
  await rm(folder, { recursive: true });
});

test('a file of another user is begun anew', {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, async () => {
  let folder: string;
  {
    using _user = actAsOrdinaryUser();
    folder = await mkdtemp(join(tmpdir(), 'qfleet-append-'));
  }
  await writeFile(join(folder, 'part'), 'of root', { mode: 0o400 });
  {
    using _user = actAsOrdinaryUser();
    const file = await openToAppend(join(folder, 'part'));
    await file.writeFile('own');
    await file.close();
  }
  assert.equal(await readFile(join(folder, 'part'), 'utf8'), 'own');
  await rm(folder, { recursive: true });
});
