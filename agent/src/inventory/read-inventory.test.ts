import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import { lastLevelCache } from './read-caches.ts';
import { readEmulation } from './read-emulation.ts';
import { readInventory } from './read-inventory.ts';
import { findRecorded } from './testing/find-recorded.ts';
import { writeRoot } from './testing/write-root.ts';

const recorded = findRecorded('hwloc');

suite('machines recorded by hwloc', { skip: recorded.skip }, () => {
  let folder = '';
  const readMachine = async (
    archive: string,
    name = archive,
  ): Promise<ReturnType<typeof inventorySchema.parse>> => {
    await promisify(execFile)('tar', ['xjf', join(recorded.path, `${archive}.tar.bz2`), '-C', folder]);
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

const nanoCpuinfo = 'processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\nCPU part : 0xd07\n';

test('a board whose kernel tells no caches gets them from the table of its SoC, and the source says so', async () => {
  await using root = await writeRoot({
    'proc/cpuinfo': nanoCpuinfo,
    'proc/device-tree/model': 'NVIDIA Jetson Nano Developer Kit\0',
    'proc/device-tree/compatible': 'nvidia,p3450-0000\0nvidia,jetson-nano\0nvidia,tegra210\0',
    'etc/os-release': 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\n',
  });
  const inventory = inventorySchema.parse(await readInventory(root.path));
  assert.equal(inventory.board, 'NVIDIA Jetson Nano Developer Kit');
  assert.equal(inventory.os, 'Ubuntu 18.04.6 LTS');
  assert.equal(lastLevelCache(inventory.caches)?.sizeBytes, 2 * 1024 * 1024);
  assert.equal(lastLevelCache(inventory.caches)?.source, 'table:nvidia,tegra210');
});

test('a core of an unknown SoC gives its L1 caches and no last level', async () => {
  await using root = await writeRoot({ 'proc/cpuinfo': nanoCpuinfo });
  const { caches } = await readInventory(root.path);
  assert.deepEqual(
    caches.map((cache) => [cache.level, cache.type, cache.source]),
    [
      [1, 'data', 'table:Cortex-A57'],
      [1, 'instruction', 'table:Cortex-A57'],
    ],
  );
  assert.equal(lastLevelCache(caches), undefined);
});

test('what board makers leave unfilled in DMI is no name', async () => {
  await using root = await writeRoot({
    'sys/class/dmi/id/sys_vendor': 'To Be Filled By O.E.M.\n',
    'sys/class/dmi/id/product_name': 'System Product Name\n',
  });
  assert.equal((await readInventory(root.path)).board, undefined);
});

test('a container in a virtual machine is told as both', async () => {
  await using root = await writeRoot({
    'proc/cpuinfo': 'processor : 0\nmodel name : AMD EPYC\nflags : fpu hypervisor\n',
    'proc/1/cgroup': '0::/kubepods.slice/pod1\n',
  });
  assert.equal((await readInventory(root.path)).virtualization, 'virtual machine, Kubernetes container');
});

test('this machine has a complete inventory', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, async () => {
  const inventory = inventorySchema.parse(await readInventory());
  assert.equal(inventory.architecture, process.arch);
  assert.equal(inventory.nodeVersion, process.versions.node);
  assert.notEqual(inventory.cpu.model, 'unknown');
  assert.match(inventory.libc ?? '', /^(glibc \d|musl)/);
});

suite('emulation', () => {
  const self = { architecture: 'arm64' };

  test('is what the starter declared', async () => {
    const declared = '{"by":"qemu-user","cpu":"cortex-a53"}';
    assert.deepEqual(await readEmulation('/does/not/exist', { ...self, declared }), {
      by: 'qemu-user',
      cpu: 'cortex-a53',
    });
  });

  test('is not forgotten over a malformed declaration', async () => {
    for (const declared of ['1', '{', '{"by":5}', 'null'])
      assert.deepEqual(await readEmulation('/does/not/exist', { ...self, declared }), {
        by: 'declared',
        cpu: 'unknown',
      });
  });

  test('is seen where /proc/thread-self shows qemu', async () => {
    await using root = await writeRoot({
      'proc/thread-self/cmdline': 'qemu-aarch64-static\0-cpu\0cortex-a53\0-L\0/sysroot\0bin/node\0',
    });
    await symlink('/usr/bin/qemu-aarch64-static', join(root.path, 'proc/thread-self/exe'));
    assert.deepEqual(await readEmulation(root.path, self), { by: 'qemu-user', cpu: 'cortex-a53' });
  });

  test('is seen where the kernel is of another architecture', async () => {
    await using root = await writeRoot({ 'proc/sys/kernel/arch': 'x86_64\n' });
    assert.equal((await readEmulation(root.path, self))?.by, 'unknown emulator on x86_64');
  });

  test('is not claimed of a 32-bit program on its 64-bit kernel, nor of a native one', async () => {
    await using root = await writeRoot({ 'proc/sys/kernel/arch': 'aarch64\n' });
    assert.equal(await readEmulation(root.path, { architecture: 'arm' }), undefined);
    assert.equal(await readEmulation(root.path, self), undefined);
  });
});
