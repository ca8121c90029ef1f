import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import { testDataPath } from '../../../test/support/test-data.ts';
import { lastLevelCache } from './read-caches.ts';
import { readInventory } from './read-inventory.ts';

suite('machines recorded by hwloc', () => {
  let folder = '';
  const readMachine = async (
    archive: string,
    name = archive,
  ): Promise<ReturnType<typeof inventorySchema.parse>> => {
    await promisify(execFile)('tar', ['xjf', testDataPath(`devices/hwloc/${archive}.tar.bz2`), '-C', folder]);
    return inventorySchema.parse(await readInventory(join(folder, name)));
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-hwloc-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('a 128-core Arm server has its caches from sysfs, each once', async () => {
    const inventory = await readMachine('128arm-2pa2n8cluster4co');
    assert.equal(inventory.board, 'Huawei XA320 V2');
    assert.equal(inventory.cpu.core, 'TaiShan-v110');
    assert.equal(inventory.cpu.processors, 128);
    assert.equal(inventory.memoryBytes, 527031224 * 1024);
    assert.equal(inventory.kernel, '5.15.0-rc1-00005-g4c1b4a4d90b6-dirty');
    const shapes = inventory.caches.map((cache) => [
      cache.level,
      cache.type,
      cache.sizeBytes,
      cache.sharedBy,
    ]);
    assert.deepEqual(shapes, [
      [1, 'data', 65536, 1],
      [1, 'instruction', 65536, 1],
      [2, 'unified', 524288, 1],
      [3, 'unified', 33554432, 32],
    ]);
    assert.ok(inventory.caches.every((cache) => cache.source === 'sysfs'));
  });

  test('a server of 2006 whose kernel prints cache maps instead of lists is read too', async () => {
    const { caches, cpu } = await readMachine('16em64t-4s2c2t');
    assert.equal(cpu.processors, 16);
    assert.deepEqual(lastLevelCache(caches), {
      level: 3,
      type: 'unified',
      sizeBytes: 4194304,
      lineBytes: 64,
      ways: 16,
      sharedBy: 4,
      source: 'sysfs',
    });
  });

  test('a phone chip without cache files has no caches, but its frequency', async () => {
    const inventory = await readMachine('2arm-2c');
    assert.deepEqual(inventory.caches, []);
    assert.equal(inventory.cpu.maxFrequencyHz, 800_000_000);
    assert.equal(inventory.board, 'ST-Ericsson MOP500 platform');
  });

  test('a PC server is named by its DMI entries', async () => {
    const inventory = await readMachine('8em64t-2s4c-asymcaches', '8em64t-2s4c-heterogeneous');
    assert.equal(inventory.board, 'Dell Inc. PowerEdge 2950');
    assert.equal(inventory.cpu.core, undefined);
  });
});
