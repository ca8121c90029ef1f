import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { actAsOrdinaryUser } from '@qfleet/shared/testing/act-as-ordinary-user.ts';
import type { BlobStore } from './blob-store.ts';
import { collectGarbage } from './collect-garbage.ts';
import { openFileBlobStore } from './file-blob-store.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-blobs-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const makeFolder = (): string => join(root, String(folders++));

test('a blob is kept under its digest, read-only and whole', async () => {
  const folder = makeFolder();
  const blobs = await openFileBlobStore(folder);
  const digest = await blobs.put(Buffer.from('hello'));
  assert.equal(digest, digestBytes('hello'));
  assert.equal((await blobs.read(digest)).toString(), 'hello');
  assert.equal(await blobs.stat(digest), 5);
  const path = await blobs.path(digest);
  assert.equal(path, join(folder, 'sha256', digest.slice(0, 2), digest));
  assert.equal(statSync(path).mode & 0o777, 0o440);
  assert.deepEqual(readdirSync(join(folder, 'tmp')), []);
});

test('a file is copied in and an equal one stored once', async () => {
  const folder = makeFolder();
  const blobs = await openFileBlobStore(folder);
  const source = join(root, 'source.bin');
  writeFileSync(source, 'content');
  const digest = await blobs.putFile(source);
  assert.equal(await blobs.put(Buffer.from('content')), digest);
  assert.equal((await all(blobs.list())).length, 1);
});

test('an ordinary user adds a read-only file', async () => {
  using _user = actAsOrdinaryUser();
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-blobs-'));
  const source = join(folder, 'source.bin');
  writeFileSync(source, 'content', { mode: 0o444 });
  const blobs = await openFileBlobStore(join(folder, 'blobs'));
  const digest = await blobs.putFile(source);
  assert.equal((await blobs.read(digest)).toString(), 'content');
  assert.equal(statSync(source).mode & 0o777, 0o444);
  rmSync(folder, { recursive: true });
});

test('an upload that was made read-only and not yet published is finished by an ordinary user', async () => {
  using _user = actAsOrdinaryUser();
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-blobs-'));
  const blobs = await openFileBlobStore(folder);
  const digest = digestBytes('content');
  mkdirSync(join(folder, 'partial', 'pi'));
  writeFileSync(join(folder, 'partial', 'pi', digest), 'content', { mode: 0o440 });
  const offset = await blobs.receivedBytes('pi', digest);
  assert.equal(offset, 7);
  await blobs.receive({ owner: 'pi', digest, totalBytes: 7, offset, source: Readable.from([]) });
  assert.equal((await blobs.read(digest)).toString(), 'content');
  rmSync(folder, { recursive: true });
});

test('a blob that changed on the disk is found out', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = await blobs.put(Buffer.from('hello'));
  const path = await blobs.path(digest);
  chmodSync(path, 0o600);
  writeFileSync(path, 'jello');
  await assert.rejects(blobs.read(digest), { code: 'digest-mismatch' });
});

test('a blob is read from an offset on, and not from beyond its end', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = await blobs.put(Buffer.from('0123456789'));
  const { totalBytes, stream } = await blobs.open(digest, 7);
  assert.equal(totalBytes, 10);
  assert.equal(Buffer.concat(await all<Buffer>(stream)).toString(), '789');
  assert.equal((await all((await blobs.open(digest, 10)).stream)).length, 0);
  await assert.rejects(blobs.open(digest, 11), { code: 'out-of-range' });
  await assert.rejects(blobs.open(digestBytes('other'), 0), { code: 'not-found' });
  await assert.rejects(blobs.read(digestBytes('other')), { code: 'not-found' });
});

test('a name that is no digest never becomes a path', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  await assert.rejects(async () => blobs.stat('../../etc/passwd' as Digest), { code: 'invalid-argument' });
  await assert.rejects(async () => blobs.receivedBytes('../x', digestBytes('hello')), {
    code: 'invalid-argument',
  });
  await assert.rejects(async () => blobs.receivedBytes('d1', '../x' as Digest), { code: 'invalid-argument' });
});

test('an upload cut at any place resumes there', async () => {
  const random = createRandom(3);
  const bytes = Buffer.from(Array.from({ length: 10_000 }, () => random.below(256)));
  const digest = digestBytes(bytes);
  const blobs = await openFileBlobStore(makeFolder());
  let offset = 0;
  while (offset < bytes.length) {
    const end = Math.min(bytes.length, offset + 1 + random.below(4000));
    const done = receive(blobs, digest, bytes.length, offset, bytes.subarray(offset, end));
    if (end < bytes.length) await assert.rejects(done, { code: 'unavailable' });
    else assert.deepEqual(await done, { existed: false });
    offset = end < bytes.length ? await blobs.receivedBytes('d1', digest) : end;
    assert.equal(offset, end);
  }
  assert.deepEqual(await blobs.read(digest), bytes);
  assert.equal(await blobs.receivedBytes('d1', digest), 0);
  assert.deepEqual(await receive(blobs, digest, bytes.length, 0, bytes), { existed: true });
});

test('an upload outlives the process that received its beginning', async () => {
  const folder = makeFolder();
  const digest = digestBytes('hello');
  await assert.rejects(receive(await openFileBlobStore(folder), digest, 5, 0, Buffer.from('he')));
  const again = await openFileBlobStore(folder);
  assert.equal(await again.receivedBytes('d1', digest), 2);
  await receive(again, digest, 5, 2, Buffer.from('llo'));
  assert.equal((await again.read(digest)).toString(), 'hello');
});

test('bytes of another digest, too many bytes and a wrong offset are refused', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = digestBytes('hello');
  await assert.rejects(receive(blobs, digest, 5, 0, Buffer.from('jello')), { code: 'digest-mismatch' });
  assert.equal(await blobs.receivedBytes('d1', digest), 0, 'what cannot become the blob is dropped');
  await assert.rejects(receive(blobs, digest, 5, 2, Buffer.from('llo')), { code: 'out-of-range' });
  await assert.rejects(receive(blobs, digest, 5, 0, Buffer.from('hello!')), { code: 'invalid-argument' });
  assert.equal(await blobs.stat(digest), undefined);
});

test('two uploads of one blob do not mix', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = digestBytes('hello');
  const gate = Promise.withResolvers<void>();
  const slow = async function* () {
    yield Buffer.from('he');
    await gate.promise;
    yield Buffer.from('llo');
  };
  const first = blobs.receive({ owner: 'd1', digest, totalBytes: 5, offset: 0, source: slow() });
  while ((await blobs.receivedBytes('d1', digest)) < 2) await new Promise(setImmediate);
  await assert.rejects(receive(blobs, digest, 5, 2, Buffer.from('LLO')), { code: 'unavailable' });
  gate.resolve();
  await first;
  assert.equal((await blobs.read(digest)).toString(), 'hello');
});

test('owners’ uploads of one blob do not meet: an open one holds up nobody, and both end whole', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = digestBytes('hello');
  const gate = Promise.withResolvers<void>();
  const slow = async function* () {
    yield Buffer.from('he');
    await gate.promise;
    yield Buffer.from('llo');
  };
  const open = blobs.receive({ owner: 'd1', digest, totalBytes: 5, offset: 0, source: slow() });
  while ((await blobs.receivedBytes('d1', digest)) < 2) await new Promise(setImmediate);
  assert.equal(await blobs.receivedBytes('d2', digest), 0);
  const source = Readable.from([Buffer.from('hello')]);
  const other = await blobs.receive({ owner: 'd2', digest, totalBytes: 5, offset: 0, source });
  assert.deepEqual(other, { existed: false });
  assert.equal((await blobs.read(digest)).toString(), 'hello');
  gate.resolve();
  assert.deepEqual(await open, { existed: true });
  assert.equal(await blobs.receivedBytes('d1', digest), 0);
});

test('what an owner has uploaded is what lies here, until it is settled', async () => {
  const folder = makeFolder();
  const blobs = await openFileBlobStore(folder);
  const [whole, collected, part] = ['whole', 'collected', 'the part'].map((words) => digestBytes(words));
  await receive(blobs, whole!, 5, 0, Buffer.from('whole'));
  await receive(blobs, collected!, 9, 0, Buffer.from('collected'));
  await assert.rejects(receive(blobs, part!, 8, 0, Buffer.from('the')), { code: 'unavailable' });
  await blobs.remove(collected!);
  const expected = new Map([
    [whole, { isWhole: true, sizeBytes: 5 }],
    [part, { isWhole: false, sizeBytes: 3 }],
  ]);
  assert.deepEqual(await blobs.listUploads('d1'), expected);
  assert.deepEqual(await (await openFileBlobStore(folder)).listUploads('d1'), expected, 'after a restart');
  assert.equal((await blobs.listUploads('d2')).size, 0);
  await blobs.settleUploads('d1', new Set([digestBytes('another')]));
  assert.deepEqual([...(await blobs.listUploads('d1')).keys()].toSorted(), [whole, part].toSorted());
  await blobs.settleUploads('d1');
  assert.deepEqual([...(await blobs.listUploads('d1')).keys()], [part]);
  const old = new Date(Date.now() - 8 * 24 * 3_600_000);
  utimesSync(join(folder, 'partial', 'd1', part!), old, old);
  assert.equal((await blobs.listUploads('d1')).size, 0, 'given up');
});

test('garbage collection takes what nothing refers to, after its time, and says so first', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const [kept, old] = [await blobs.put(Buffer.from('kept')), await blobs.put(Buffer.from('old'))];
  const later = Date.now() + 7_200_000;
  const options = { blobs, referencedBlobs: async () => new Set<string>([kept]), nowMs: later };
  const young = await collectGarbage({ ...options, nowMs: Date.now(), dryRun: false });
  assert.deepEqual([young.unused.length, young.sparedCount, young.removedCount], [0, 1, 0]);
  const dry = await collectGarbage({ ...options, dryRun: true });
  assert.deepEqual(dry.unused, [{ digest: old, sizeBytes: 3 }]);
  assert.deepEqual([dry.unusedBytes, dry.removedCount, await blobs.stat(old)], [3, 0, 3]);
  const wet = await collectGarbage({ ...options, dryRun: false });
  assert.deepEqual([wet.removedCount, wet.removedBytes, wet.keptCount], [1, 3, 1]);
  assert.equal(await blobs.stat(old), undefined);
  assert.equal(await blobs.stat(kept), 4);
});

test('a blob that is wanted while garbage is collected stays', async () => {
  const blobs = await openFileBlobStore(makeFolder());
  const digest = await blobs.put(Buffer.from('wanted'));
  const sinceMs = statSync(await blobs.path(digest)).mtimeMs;
  assert.equal(await blobs.removeUnused(digest, sinceMs), false);
  assert.equal(await blobs.touch(digest), true);
  assert.equal(await blobs.touch(digestBytes('absent')), false);
});

test('a full disk is said, with what to do, and leaves nothing behind', (t) => {
  const folder = makeFolder();
  mkdirSync(folder);
  const fixture = fileURLToPath(new URL('./full-disk.fixture.ts', import.meta.url));
  // A disk of 256 KiB of its own, seen by this child alone.
  const command = 'mount -t tmpfs -o size=256k none "$2" && exec "$0" "$1" "$2"';
  const own = [
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    command,
    process.execPath,
    fixture,
    folder,
  ];
  const child = spawnSync('unshare', own, { encoding: 'utf8' });
  if (child.status !== 0) return t.skip(`no small file system can be mounted here: ${child.stderr}`);
  assert.deepEqual(JSON.parse(child.stdout), {
    put: 'resource-exhausted',
    receive: 'resource-exhausted',
    hasHint: true,
    listed: [],
    left: [],
    afterwards: 'stored',
  });
});

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

function receive(blobs: BlobStore, digest: Digest, totalBytes: number, offset: number, data: Uint8Array) {
  const source = async function* () {
    yield data;
  };
  return blobs.receive({ owner: 'd1', digest, totalBytes, offset, source: source() });
}
