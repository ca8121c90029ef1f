import assert from 'node:assert/strict';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLeftovers } from './remove-leftovers.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

test('of what a killed agent left, only finished shards and what is not its own stay', async () => {
  await using folder = await temporaryFolder();
  const [work, temporary] = [join(folder.path, 'work'), join(folder.path, 'tmp')];
  for (const path of ['job_new/shards', 'job_new/blobs', 'job_old/shards']) {
    await mkdir(join(work, path), { recursive: true });
    await writeFile(join(work, path, 'file'), 'content');
  }
  await writeFile(join(work, 'job_new', 'profile.json'), 'half');
  const made = ['qfleet-trtexec-old', 'qfleet-bench-old', 'qfleet-numerics-new', 'of-others-old'];
  for (const name of made) await mkdir(join(temporary, name), { recursive: true });
  const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  await utimes(join(work, 'job_old'), old, old);
  for (const name of made) if (name.endsWith('old')) await utimes(join(temporary, name), old, old);
  await removeLeftovers(work, { temporaryFolder: temporary });
  assert.deepEqual((await readdir(work, { recursive: true })).sort(), [
    'job_new',
    'job_new/shards',
    'job_new/shards/file',
  ]);
  assert.deepEqual((await readdir(temporary)).sort(), ['of-others-old', 'qfleet-numerics-new']);
});
