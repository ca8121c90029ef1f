import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Coordinator, startCoordinator } from '../main/start-coordinator.ts';
import { exampleModel } from '../store/store-fixtures.ts';
import { backUpAtRest } from './back-up-at-rest.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-backup-'));
after(() => rmSync(root, { recursive: true, force: true }));

function start(name: string): Promise<Coordinator> {
  return startCoordinator({
    dataDir: join(root, name),
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
}

async function addModel({ services }: Coordinator, name: string): Promise<string> {
  const digest = await services.blobs.put(Buffer.from(`the bytes of ${name}`));
  await services.store.addModel({ ...exampleModel(name), digest });
  return digest;
}

test('a backup of a coordinator at work is restored with all that was there, and says that it is older', async () => {
  const outDir = join(root, 'backup');
  let digest = '';
  {
    await using coordinator = await start('data');
    digest = await addModel(coordinator, 'first');
    await coordinator.services.blobs.put(Buffer.from('nobody refers to this'));
    await coordinator.services.addDevice({ name: 'board', outDir: join(root, 'board') });
    const made = await coordinator.services.createBackup({ outDir, withBlobs: true });
    assert.deepEqual([made.blobs, made.missingBlobs], [1, 0]);
    assert.equal(statSync(outDir).mode & 0o777, 0o700);
    assert.equal(statSync(join(outDir, 'qfleet.db')).mode & 0o777, 0o600);
    assert.equal(statSync(join(outDir, 'pki/ca.key')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(outDir).sort(), ['backup.json', 'blobs', 'blobs.txt', 'pki', 'qfleet.db']);
    assert.match(readFileSync(join(outDir, 'blobs.txt'), 'utf8'), new RegExp(`^${digest} \\d+\n$`));
    await addModel(coordinator, 'second');
    const again = coordinator.services.createBackup({ outDir, withBlobs: false });
    await assert.rejects(again, { code: 'already-exists' });
    assert.ok(existsSync(join(outDir, 'backup.json')), 'the first one stays');
  }
  // Into an empty folder: everything is as it was.
  cpSync(outDir, join(root, 'elsewhere'), { recursive: true });
  {
    await using restored = await start('elsewhere');
    assert.deepEqual(restored.notices, []);
    assert.deepEqual(
      (await restored.services.store.listModels()).map(({ name }) => name),
      ['first'],
    );
    assert.equal((await restored.services.blobs.read(digest as never)).toString(), 'the bytes of first');
    assert.equal((await restored.services.store.listDevices()).length, 1);
  }
  // Into the folder that went on: it is said that something is missing.
  cpSync(join(outDir, 'qfleet.db'), join(root, 'data', 'qfleet.db'));
  await using older = await start('data');
  assert.match(older.notices.join(), /is older than the one that was here last/);
});

test('without a coordinator the same, and none starts meanwhile; a damaged database or blob leaves no backup', async () => {
  let digest = '';
  {
    await using coordinator = await start('rest');
    digest = await addModel(coordinator, 'model');
    const dataDir = coordinator.dataDir;
    const order = { dataDir, outDir: join(root, 'at-work'), withBlobs: false };
    const taken = backUpAtRest({ ...order, version: '0', signal: AbortSignal.timeout(60_000) });
    await assert.rejects(taken, { code: 'configuration', message: /expected no other/ });
  }
  const dataDir = join(root, 'rest');
  const order = { dataDir, withBlobs: true, version: '0', signal: AbortSignal.timeout(60_000) };
  const made = await backUpAtRest({ ...order, outDir: join(root, 'at-rest') });
  assert.deepEqual([made.blobs, made.withBlobs], [1, true]);
  const blob = join(dataDir, 'blobs/sha256', digest.slice(0, 2), digest);
  rmSync(blob);
  writeFileSync(blob, 'something else');
  await assert.rejects(backUpAtRest({ ...order, outDir: join(root, 'bad') }), { code: 'digest-mismatch' });
  const bytes = readFileSync(join(dataDir, 'qfleet.db'));
  for (let page = 0; page < bytes.length; page += 4096) bytes.fill(0x5a, page + 100, page + 1500);
  writeFileSync(join(dataDir, 'qfleet.db'), bytes);
  await assert.rejects(backUpAtRest({ ...order, outDir: join(root, 'bad') }), {
    code: 'configuration',
    message: /qfleet\.db.* is damaged/,
  });
  truncateSync(join(dataDir, 'qfleet.db'));
  await assert.rejects(backUpAtRest({ ...order, outDir: join(root, 'bad') }), { message: /is empty/ });
  const nowhere = { ...order, dataDir: join(root, 'nowhere'), outDir: join(root, 'bad') };
  await assert.rejects(backUpAtRest(nowhere), { code: 'not-found' });
  assert.ok(!existsSync(join(root, 'bad')), 'nothing that looks like a backup');
});
