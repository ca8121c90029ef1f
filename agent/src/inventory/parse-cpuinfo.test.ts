import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpuinfo } from './parse-cpuinfo.ts';
import { readBoard } from './read-board.ts';
import { cpuinfoOf, type KnownBoardName, knownBoards } from './testing/known-boards.ts';

interface Expectation {
  readonly processors: number;
  readonly core: string;
  /** Undefined where this cpuinfo names no board: there the device tree does. */
  readonly board: string | undefined;
}

/** What a person reads in each. */
const expectations: Readonly<Record<KnownBoardName, Expectation>> = {
  'Pi 1 B, Linux 3.1': { processors: 1, core: 'ARM1176', board: 'Raspberry Pi Model B Rev 1' },
  'Pi 1 B, Linux 5.10': { processors: 1, core: 'ARM1176', board: 'Raspberry Pi Model B Rev 2' },
  'Pi 2 B, Linux 3.18': { processors: 4, core: 'Cortex-A7', board: 'Raspberry Pi 2 Model B Rev 1.1' },
  'Pi 3 B, 32-bit': { processors: 4, core: 'Cortex-A53', board: 'Raspberry Pi 3 Model B Rev 1.2' },
  'Pi 3 B+, 64-bit': { processors: 4, core: 'Cortex-A53', board: 'Raspberry Pi 3 Model B Plus Rev 1.3' },
  'Pi 4 B': { processors: 4, core: 'Cortex-A72', board: 'Raspberry Pi 4 Model B Rev 1.4' },
  'Pi 4 B, Fedora': { processors: 4, core: 'Cortex-A72', board: undefined },
  'Pi 5 B': { processors: 4, core: 'Cortex-A76', board: 'Raspberry Pi 5 Model B Rev 1.0' },
  'Jetson TK1': { processors: 4, core: 'Cortex-A15', board: 'NVIDIA Jetson TK1' },
  'Tegra K1, 64-bit': { processors: 2, core: 'Denver', board: undefined },
  'Jetson TX1': { processors: 4, core: 'Cortex-A57', board: 'NVIDIA Jetson TX1' },
  'Jetson Nano': { processors: 4, core: 'Cortex-A57', board: undefined },
  'Jetson TX2, all cores': { processors: 6, core: 'Cortex-A57 + Denver-2', board: undefined },
  'Jetson Xavier NX': { processors: 6, core: 'Carmel', board: undefined },
  'Jetson Orin NX': { processors: 6, core: 'Cortex-A78AE', board: undefined },
  'BCM4908 router': { processors: 4, core: 'Brahma-B53', board: undefined },
  'BCM4708 router, Linux 2.6': { processors: 2, core: 'Cortex-A9', board: 'Northstar Prototype' },
};

for (const [name, expected] of Object.entries(expectations)) {
  test(`cpuinfo of a ${name} is read, with its cores and its board`, async () => {
    const cpuinfo = parseCpuinfo(cpuinfoOf(name as KnownBoardName));
    const { model } = await readBoard('/does/not/exist', cpuinfo);
    const found = { processors: cpuinfo.processors, core: cpuinfo.core, board: model };
    assert.deepEqual(found, expected);
    const { features } = knownBoards[name as KnownBoardName];
    assert.deepEqual(cpuinfo.features, features.split(' ').sort());
  });
}

test('the dot product instructions tell a Pi 5 from a Pi 4', () => {
  const featuresOf = (name: KnownBoardName): readonly string[] => parseCpuinfo(cpuinfoOf(name)).features;
  assert.ok(featuresOf('Pi 5 B').includes('asimddp'));
  assert.ok(!featuresOf('Pi 4 B').includes('asimddp'));
});

test('an x86 processor has its name and flags, and no board out of its model number', () => {
  const cpuinfo = parseCpuinfo(
    'processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 15\nmodel name\t: Intel(R) Xeon(R) CPU           E5345\nflags\t\t: sse2 fpu\n\n' +
      'processor\t: 1\nvendor_id\t: GenuineIntel\nmodel\t\t: 15\nmodel name\t: Intel(R) Xeon(R) CPU           E5345\nflags\t\t: fpu sse2\n',
  );
  assert.deepEqual(cpuinfo, {
    processors: 2,
    coreIds: [],
    model: 'Intel(R) Xeon(R) CPU E5345',
    vendor: 'GenuineIntel',
    features: ['fpu', 'sse2'],
  });
});

test('a feature that only some processors have is not listed', () => {
  const cpuinfo = parseCpuinfo(
    'processor : 0\nFeatures : fp asimd asimddp\n\nprocessor : 1\nFeatures : fp asimd\n',
  );
  assert.deepEqual(cpuinfo.features, ['asimd', 'fp']);
});

test('an unknown Arm core keeps its numbers', () => {
  const { core, vendor } = parseCpuinfo('processor : 0\nCPU implementer : 0x41\nCPU part : 0xfff\n');
  assert.deepEqual({ core, vendor }, { core: '0x41/0xfff', vendor: 'ARM' });
});

test('text that is no cpuinfo is one unknown processor', () => {
  assert.deepEqual(parseCpuinfo('garbage\0\n:\n'), {
    processors: 1,
    coreIds: [],
    model: 'unknown',
    features: [],
  });
});
