import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Coordinator, startCoordinator } from './start-coordinator.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-start-'));
after(() => rmSync(root, { recursive: true, force: true }));

function start(dataDir: string): Promise<Coordinator> {
  return startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
}

test('something else where a part of the data folder should be is named, with exit 78', async () => {
  for (const [name, damage] of [
    ['blobs', (path: string) => writeFileSync(path, '')],
    ['pki', (path: string) => writeFileSync(path, '')],
    ['calibration', (path: string) => writeFileSync(path, '')],
    ['summaries', (path: string) => writeFileSync(path, '')],
    ['operator.json', (path: string) => mkdirSync(join(path, 'something'), { recursive: true })],
    ['owner.json', (path: string) => mkdirSync(join(path, 'something'), { recursive: true })],
  ] as const) {
    const dataDir = join(root, name);
    mkdirSync(dataDir);
    const path = join(dataDir, name);
    damage(path);
    await assert.rejects(start(dataDir), (error: Error & { code: string; hint?: string }) => {
      assert.equal(error.code, 'configuration', error.message);
      assert.ok(error.message.includes(path), error.message);
      assert.ok(error.hint);
      return true;
    });
  }
});

test('a certificate authority that is gone while devices trust it is said', async () => {
  const dataDir = join(root, 'authority');
  {
    await using coordinator = await start(dataDir);
    assert.deepEqual(coordinator.notices, []);
    await coordinator.services.addDevice({ name: 'board', outDir: join(root, 'board') });
  }
  rmSync(join(dataDir, 'pki'), { recursive: true });
  await using coordinator = await start(dataDir);
  assert.match(coordinator.notices.join(), /1 devices no longer trust this coordinator/);
});
