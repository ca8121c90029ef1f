import assert from 'node:assert/strict';
import { chmod, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { actAsOrdinaryUser } from '@qfleet/shared/testing/act-as-ordinary-user.ts';
import { changeSilently } from '../testing/change-silently.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { BlobCache, type BlobCacheOptions } from './blob-cache.ts';
import type { OpenBlob } from './download-blob.ts';

const signal = new AbortController().signal;
const log = createLogger({ name: 'test', level: 'silent' });

/** A source that serves blobs in pieces of 10 bytes and notes where it was asked to begin. */
function serve(blobs: readonly Buffer[]): { openBlob: OpenBlob; offsets: number[] } {
  const offsets: number[] = [];
  return {
    offsets,
    openBlob: async function* (digest, offset) {
      offsets.push(offset);
      const bytes = blobs.find((blob) => digestBytes(blob) === digest);
      if (!bytes) throw new QfleetError('not-found', 'no such blob');
      for (let at = offset; at < bytes.length; at += 10) {
        yield { offset: at, data: bytes.subarray(at, at + 10), totalBytes: at === offset ? bytes.length : 0 };
      }
    },
  };
}

const ref = (blob: Buffer) => ({ digest: digestBytes(blob), sizeBytes: blob.length });
const open = (folder: string, openBlob: OpenBlob, over: Partial<BlobCacheOptions> = {}): Promise<BlobCache> =>
  BlobCache.open({ folder, openBlob, random: createRandom(1), log, ...over });

describe('the blob cache', () => {
  it('fetches a blob once for several callers, verified and read-only', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(95, 'model');
    const { openBlob, offsets } = serve([blob]);
    const cache = await open(folder.path, openBlob);
    const pins = await Promise.all([1, 2, 3].map(() => cache.acquire(ref(blob), { signal })));
    assert.deepEqual(offsets, [0]);
    assert.deepEqual(await readFile(pins[0]!.path), blob);
    assert.equal((await stat(pins[0]!.path)).mode & 0o777, 0o440);
    assert.equal(cache.sizeBytes, 95);
  });

  it('goes on where an earlier download ended', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
    await writeFile(join(folder.path, `${digestBytes(blob)}.part`), blob.subarray(0, 37));
    const { openBlob, offsets } = serve([blob]);
    using pinned = await (await open(folder.path, openBlob)).acquire(ref(blob), { signal });
    assert.deepEqual(offsets, [37]);
    assert.deepEqual(await readFile(pinned.path), blob);
  });

  it('opens the source again where it breaks off or stalls', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.from(Array.from({ length: 60 }, (_, i) => i));
    const whole = serve([blob]);
    let opened = 0;
    const openBlob: OpenBlob = async function* (digest, offset, inner) {
      opened++;
      for await (const chunk of whole.openBlob(digest, offset, inner)) {
        yield chunk;
        if (opened === 1) return;
        if (opened === 2)
          await new Promise((_, reject) => inner.addEventListener('abort', () => reject(inner.reason)));
      }
    };
    const cache = await open(folder.path, openBlob, { stallMs: 50 });
    using pinned = await cache.acquire(ref(blob), { signal });
    assert.deepEqual(whole.offsets, [0, 10, 20]);
    assert.deepEqual(await readFile(pinned.path), blob);
  });

  it('goes on for an ordinary user, through breaks, restarts and parts that were left read-only', async () => {
    using _user = actAsOrdinaryUser();
    await using folder = await temporaryFolder();
    const blob = Buffer.from(Array.from({ length: 60 }, (_, i) => i));
    const part = join(folder.path, `${digestBytes(blob)}.part`);
    await writeFile(part, blob.subarray(0, 10), { mode: 0o440 });
    const whole = serve([blob]);
    const openBlob: OpenBlob = async function* (digest, offset, inner) {
      for await (const chunk of whole.openBlob(digest, offset, inner)) {
        yield chunk;
        if (offset < 40) return;
      }
    };
    using pinned = await (await open(folder.path, openBlob)).acquire(ref(blob), { signal });
    assert.deepEqual(whole.offsets, [10, 20, 30, 40]);
    assert.deepEqual(await readFile(pinned.path), blob);
    assert.equal((await stat(pinned.path)).mode & 0o777, 0o440);
  });

  it('drops bytes of another digest, fetches once more from the start, then gives up', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(40, 'a');
    const spoilt = serve([blob]);
    const openBlob: OpenBlob = async function* (digest, offset, inner) {
      for await (const chunk of spoilt.openBlob(digest, offset, inner))
        yield { ...chunk, data: chunk.data.map((byte) => byte ^ 1) };
    };
    const cache = await open(folder.path, openBlob);
    await assert.rejects(cache.acquire(ref(blob), { signal }), { code: 'digest-mismatch' });
    assert.deepEqual(spoilt.offsets, [0, 0]);
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('heals a spoilt part file by the second fetch', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(40, 'a');
    await writeFile(join(folder.path, `${digestBytes(blob)}.part`), Buffer.alloc(20, 'b'));
    const { openBlob, offsets } = serve([blob]);
    using pinned = await (await open(folder.path, openBlob)).acquire(ref(blob), { signal });
    assert.deepEqual(offsets, [20, 0]);
    assert.deepEqual(await readFile(pinned.path), blob);
  });

  it('evicts the least recently used blob over its quota, never a pinned one', async () => {
    await using folder = await temporaryFolder();
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => Buffer.alloc(40, letter)) as [Buffer, Buffer, Buffer];
    const { openBlob } = serve([a, b, c]);
    const cache = await open(folder.path, openBlob, { quotaBytes: 100 });
    const pinnedA = await cache.acquire(ref(a), { signal });
    (await cache.acquire(ref(b), { signal }))[Symbol.dispose]();
    const pinnedC = await cache.acquire(ref(c), { signal });
    assert.deepEqual(new Set(await readdir(folder.path)), new Set([digestBytes(a), digestBytes(c)]));
    await assert.rejects(
      cache.acquire(ref(b), { signal }),
      (thrown) =>
        thrown instanceof QfleetError && thrown.code === 'resource-exhausted' && /quota/.test(thrown.message),
    );
    pinnedA[Symbol.dispose]();
    pinnedC[Symbol.dispose]();
  });

  it('remembers the order of use over a restart', async () => {
    await using folder = await temporaryFolder();
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => Buffer.alloc(40, letter)) as [Buffer, Buffer, Buffer];
    for (const [blob, age] of [
      [a, 10],
      [b, 20],
    ] as const) {
      await writeFile(join(folder.path, digestBytes(blob)), blob);
      const then = new Date(Date.now() - age * 1000);
      await utimes(join(folder.path, digestBytes(blob)), then, then);
    }
    const cache = await open(folder.path, serve([c]).openBlob, { quotaBytes: 100 });
    await cache.acquire(ref(c), { signal });
    assert.deepEqual(new Set(await readdir(folder.path)), new Set([digestBytes(a), digestBytes(c)]));
  });

  it('fetches a blob again that rotted on the disk', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(40, 'a');
    await writeFile(join(folder.path, digestBytes(blob)), Buffer.alloc(40, 'b'));
    await chmod(join(folder.path, digestBytes(blob)), 0o440);
    using pinned = await (await open(folder.path, serve([blob]).openBlob)).acquire(ref(blob), { signal });
    assert.deepEqual(await readFile(pinned.path), blob);
  });

  it('fetches a blob again whose bytes changed while it was cached, whatever its times say', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(40, 'a');
    const { openBlob, offsets } = serve([blob]);
    const cache = await open(folder.path, openBlob);
    const before = await cache.acquire(ref(blob), { signal });
    await before.assertUnchanged();
    before[Symbol.dispose]();
    changeSilently(before.path);
    await assert.rejects(before.assertUnchanged(), { code: 'digest-mismatch', message: /while the job ran/ });
    using after = await cache.acquire(ref(blob), { signal });
    assert.deepEqual(await readFile(after.path), blob);
    assert.deepEqual(offsets, [0, 0]);
    await after.assertUnchanged();
  });

  it('takes a blob for unchanged that was touched, used again or evicted', async () => {
    await using folder = await temporaryFolder();
    const blob = Buffer.alloc(40, 'a');
    const cache = await open(folder.path, serve([blob]).openBlob);
    using pinned = await cache.acquire(ref(blob), { signal });
    using _again = await cache.acquire(ref(blob), { signal });
    await pinned.assertUnchanged();
    await utimes(pinned.path, 1, 1);
    await pinned.assertUnchanged();
    await rm(pinned.path);
    await pinned.assertUnchanged();
  });

  it('says how much is missing where the disk is too small, before it fetches', async () => {
    await using folder = await temporaryFolder();
    const { openBlob, offsets } = serve([]);
    const cache = await open(folder.path, openBlob, { quotaBytes: 1e18 });
    await assert.rejects(
      cache.acquire({ digest: 'f'.repeat(64), sizeBytes: 1e17 }, { signal }),
      /disk of .* is full: a blob needs .* MB .* are left/,
    );
    assert.deepEqual(offsets, []);
  });

  it('passes on what the coordinator will not give', async () => {
    await using folder = await temporaryFolder();
    const cache = await open(folder.path, serve([]).openBlob);
    await assert.rejects(cache.acquire({ digest: 'f'.repeat(64), sizeBytes: 5 }, { signal }), {
      code: 'not-found',
    });
  });

  it('takes no digest that could be a path', async () => {
    await using folder = await temporaryFolder();
    const cache = await open(folder.path, serve([]).openBlob);
    await assert.rejects(cache.acquire({ digest: '../../etc/passwd', sizeBytes: 5 }, { signal }), {
      code: 'invalid-argument',
    });
  });
});
