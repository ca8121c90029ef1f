import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { inventorySchema } from '@qfleet/shared/inventory/inventory.ts';
import { lastLevelCache } from './read-caches.ts';
import { readEmulation } from './read-emulation.ts';
import { readInventory } from './read-inventory.ts';
import { printCpuinfo } from './testing/known-boards.ts';
import { writeRoot } from './testing/write-root.ts';

/** Files of sysfs that describe one cache of each processor; `sharing` says which processors share it. */
interface SysfsCache {
  readonly level: number;
  readonly type: 'Data' | 'Instruction' | 'Unified';
  readonly size: string;
  readonly lineBytes: number;
  readonly ways: number;
  readonly sharing: (processor: number) => Readonly<Record<string, string>>;
}

function sysfsCaches(processors: number, caches: readonly SysfsCache[]): Record<string, string> {
  const files: Record<string, string> = {};
  for (let processor = 0; processor < processors; processor++) {
    for (const [i, cache] of caches.entries()) {
      const folder = `sys/devices/system/cpu/cpu${processor}/cache/index${i}`;
      files[`${folder}/level`] = `${cache.level}\n`;
      files[`${folder}/type`] = `${cache.type}\n`;
      files[`${folder}/size`] = `${cache.size}\n`;
      files[`${folder}/coherency_line_size`] = `${cache.lineBytes}\n`;
      files[`${folder}/ways_of_associativity`] = `${cache.ways}\n`;
      for (const [name, text] of Object.entries(cache.sharing(processor))) files[`${folder}/${name}`] = text;
    }
  }
  return files;
}

const alone = (processor: number) => ({ shared_cpu_list: `${processor}\n` });

test('an Arm server has its caches from sysfs, each once, and its board by DMI', async () => {
  const halves = (processor: number) => ({ shared_cpu_list: processor < 4 ? '0-3\n' : '4-7\n' });
  await using root = await writeRoot({
    'proc/cpuinfo': printCpuinfo({
      cores: Array(8).fill({ implementer: '0x48', part: '0xd01' }),
      features: 'fp asimd asimddp',
    }),
    'proc/meminfo': 'MemTotal:       527031224 kB\nMemFree:        470642660 kB\n',
    'proc/version': 'Linux version 5.15.0-rc1-00005-g4c1b4a4d90b6-dirty (root@build) (gcc 9.3.1) #313 SMP\n',
    'sys/class/dmi/id/sys_vendor': 'Huawei\n',
    'sys/class/dmi/id/product_name': 'XA320 V2 \n',
    ...sysfsCaches(8, [
      { level: 1, type: 'Data', size: '64K', lineBytes: 64, ways: 4, sharing: alone },
      { level: 1, type: 'Instruction', size: '64K', lineBytes: 64, ways: 4, sharing: alone },
      { level: 2, type: 'Unified', size: '512K', lineBytes: 64, ways: 8, sharing: alone },
      { level: 3, type: 'Unified', size: '32768K', lineBytes: 128, ways: 15, sharing: halves },
    ]),
  });
  const inventory = inventorySchema.parse(await readInventory(root.path));
  assert.equal(inventory.board, 'Huawei XA320 V2');
  assert.equal(inventory.cpu.core, 'TaiShan-v110');
  assert.equal(inventory.cpu.processors, 8);
  assert.equal(inventory.memoryBytes, 527031224 * 1024);
  assert.equal(inventory.kernel, '5.15.0-rc1-00005-g4c1b4a4d90b6-dirty');
  assert.deepEqual(
    inventory.caches.map((cache) => [cache.level, cache.type, cache.sizeBytes, cache.sharedBy]),
    [
      [1, 'data', 65536, 1],
      [1, 'instruction', 65536, 1],
      [2, 'unified', 524288, 1],
      [3, 'unified', 33554432, 4],
    ],
  );
  assert.ok(inventory.caches.every((cache) => cache.source === 'sysfs'));
});

test('a kernel that prints maps of processors instead of lists is read too', async () => {
  const twins = () => ({ shared_cpu_map: '00000000,00000101\n' });
  const four = () => ({ shared_cpu_map: '00000000,00001111\n' });
  await using root = await writeRoot(
    sysfsCaches(2, [
      { level: 1, type: 'Data', size: '16K', lineBytes: 64, ways: 8, sharing: twins },
      { level: 3, type: 'Unified', size: '4096K', lineBytes: 64, ways: 16, sharing: four },
    ]),
  );
  assert.deepEqual(lastLevelCache((await readInventory(root.path)).caches), {
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
  const frequency = 'cpufreq/cpuinfo_max_freq';
  await using root = await writeRoot({
    'proc/cpuinfo': printCpuinfo({
      cores: Array(2).fill({ implementer: '0x41', part: '0xc09' }),
      features: 'swp half thumb',
      tail: { Hardware: 'ST-Ericsson MOP500 platform' },
      isOldKernel: true,
    }),
    [`sys/devices/system/cpu/cpu0/${frequency}`]: '600000\n',
    [`sys/devices/system/cpu/cpu1/${frequency}`]: '800000\n',
  });
  const inventory = inventorySchema.parse(await readInventory(root.path));
  assert.deepEqual(inventory.caches, []);
  assert.equal(inventory.cpu.maxFrequencyHz, 800_000_000);
  assert.equal(inventory.board, 'ST-Ericsson MOP500 platform');
});

test('a PC server is named by its DMI entries', async () => {
  await using root = await writeRoot({
    'proc/cpuinfo': 'processor : 0\nvendor_id : GenuineIntel\nmodel name : Intel(R) Xeon(R) CPU E5345\n',
    'sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
    'sys/class/dmi/id/product_name': 'PowerEdge 2950\n',
  });
  const inventory = await readInventory(root.path);
  assert.equal(inventory.board, 'Dell Inc. PowerEdge 2950');
  assert.equal(inventory.cpu.core, undefined);
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
