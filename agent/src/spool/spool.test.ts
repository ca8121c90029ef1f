import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { Spool } from './spool.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const resultBytes = (jobId: string, ...blobs: string[]): Buffer =>
  Buffer.from(JSON.stringify({ blobs, fence: 2, jobId }));

async function addResult(spool: Spool, folder: string, jobId: string, blob: string) {
  const digest = digestBytes(blob);
  await writeFile(join(folder, digest), blob);
  const bytes = resultBytes(jobId, digest);
  return spool.add({ bytes, jobId, fence: 2, blobs: [{ digest, path: join(folder, digest) }] });
}

describe('the spool', () => {
  it('still has its results, with the same bytes and blobs, after a restart', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'spool');
    const first = await Spool.open(path, log);
    await addResult(first, folder.path, 'job_a', 'samples');
    const again = await Spool.open(path, log);
    const [entry] = again.entries;
    assert.equal(entry?.jobId, 'job_a');
    assert.equal(entry?.fence, 2);
    const bytes = resultBytes('job_a', digestBytes('samples'));
    assert.deepEqual(await readFile(entry!.resultPath), bytes);
    assert.equal(await readFile(entry!.blobPath(digestBytes('samples')), 'utf8'), 'samples');
    assert.deepEqual(entry?.blobs, [digestBytes('samples')]);
    assert.equal(again.sizeBytes, bytes.length + 7);
  });

  it('does not take a half-written result for one', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, '.unfinished-abc'));
    await writeFile(join(folder.path, '.unfinished-abc', 'result.json'), '{"jobId":"job_');
    assert.deepEqual((await Spool.open(folder.path, log)).entries, []);
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('sets aside what the disk has spoilt, and reports its job as failed instead', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'spool');
    const { digest } = await addResult(await Spool.open(path, log), folder.path, 'job_a', 'x');
    const spoilt = 'e'.repeat(64);
    await mkdir(join(path, spoilt));
    await writeFile(join(path, spoilt, 'result.json'), resultBytes('job_z'));
    const { entries } = await Spool.open(path, log);
    assert.deepEqual(
      entries.map(({ jobId }) => jobId),
      ['job_a', 'job_z'],
    );
    assert.equal(JSON.parse(String(entries[1]?.bytes)).outcome.failure.class, 'digest-mismatch');
    assert.deepEqual(await readdir(path), [digest]);
    assert.deepEqual(await readdir(join(folder.path, 'refused')), [spoilt]);
  });

  it('leaves nothing behind of a result that could not be stored', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'spool');
    const spool = await Spool.open(path, log);
    const blobs = ['a', 'b'].map((blob) => ({ digest: digestBytes(blob), path: join(folder.path, blob) }));
    await writeFile(blobs[0]!.path, 'a');
    const bytes = resultBytes('job_a', ...blobs.map(({ digest }) => digest));
    await assert.rejects(spool.add({ bytes, jobId: 'job_a', fence: 2, blobs }), { code: 'ENOENT' });
    assert.deepEqual(await readdir(path), []);
    assert.deepEqual(spool.entries, []);
  });

  it('keeps only the newest of what was refused', async () => {
    await using folder = await temporaryFolder();
    const spool = await Spool.open(join(folder.path, 'spool'), log);
    for (let i = 0; i < 22; i++) await spool.setAside(await addResult(spool, folder.path, `job_${i}`, 'x'));
    assert.equal((await readdir(join(folder.path, 'refused'))).length, 20);
  });

  it('holds in memory what the disk does not take, tells its listeners, and forgets it when it is removed', async () => {
    await using folder = await temporaryFolder();
    const spool = await Spool.open(join(folder.path, 'spool'), log);
    let added = 0;
    using _listening = spool.onAdded(() => added++);
    spool.hold({ bytes: resultBytes('job_a'), jobId: 'job_a', fence: 2 });
    const [entry] = spool.entries;
    assert.equal(added, 1);
    assert.equal(entry?.digest, digestBytes(resultBytes('job_a')));
    assert.deepEqual(entry?.bytes, resultBytes('job_a'));
    assert.deepEqual(await readdir(join(folder.path, 'spool')), []);
    await spool.remove(entry!);
    assert.deepEqual(spool.entries, []);
  });

  it('removes a result with its blobs and keeps another that has the same blob', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'spool');
    const spool = await Spool.open(path, log);
    const a = await addResult(spool, folder.path, 'job_a', 'same');
    const b = await addResult(spool, folder.path, 'job_b', 'same');
    await spool.remove(a);
    assert.deepEqual(
      spool.entries.map(({ jobId }) => jobId),
      ['job_b'],
    );
    assert.equal(await readFile(b.blobPath(digestBytes('same')), 'utf8'), 'same');
    assert.deepEqual(await readdir(path), [b.digest]);
  });
});
