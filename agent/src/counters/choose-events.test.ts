import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseCpuinfo } from '../inventory/parse-cpuinfo.ts';
import { cpuinfoOf, type KnownBoardName } from '../inventory/testing/known-boards.ts';
import { writeRoot } from '../inventory/testing/write-root.ts';
import { chooseEvents } from './choose-events.ts';
import { cortexA53 } from './cores/cortex-a53.ts';
import { cortexA57 } from './cores/cortex-a57.ts';
import { cortexA72 } from './cores/cortex-a72.ts';
import { cortexA76 } from './cores/cortex-a76.ts';
import { cortexA78 } from './cores/cortex-a78.ts';

const withL2 = 'cycles instructions l1d.accesses l1d.refills l2.accesses l2.refills l2.writebacks';
const withL3 = 'cycles instructions l1d.accesses l1d.refills l2.refills l2.writebacks l3.refills';
const common = 'cycles instructions';

/** What each board is to be counted by: its core, then the events, or the code of the reason. */
const expectations: Readonly<Record<KnownBoardName, readonly [core: string, events: string]>> = {
  'Pi 1 B, Linux 3.1': ['ARM1176', '32-bit'],
  'Pi 1 B, Linux 5.10': ['ARM1176', '32-bit'],
  'Pi 2 B, Linux 3.18': ['Cortex-A7', '32-bit'],
  'Pi 3 B, 32-bit': ['Cortex-A53', '32-bit'],
  'Pi 3 B+, 64-bit': ['Cortex-A53', withL2],
  'Pi 4 B': ['Cortex-A72', withL2],
  'Pi 4 B, Fedora': ['Cortex-A72', withL2],
  'Pi 5 B': ['Cortex-A76', withL3],
  'Jetson TK1': ['Cortex-A15', '32-bit'],
  'Tegra K1, 64-bit': ['Denver', common],
  'Jetson TX1': ['Cortex-A57', withL2],
  'Jetson Nano': ['Cortex-A57', withL2],
  'Jetson TX2, all cores': ['Cortex-A57 + Denver-2', withL2],
  'Jetson Xavier NX': ['Carmel', common],
  'Jetson Orin NX': ['Cortex-A78AE', withL3],
  'BCM4908 router': ['Brahma-B53', common],
  'BCM4708 router, Linux 2.6': ['Cortex-A9', '32-bit'],
};

suite('known boards', () => {
  for (const [board, [core, events]] of Object.entries(expectations)) {
    test(`a ${board} is counted by the events of its core`, async () => {
      const cpuinfo = parseCpuinfo(cpuinfoOf(board as KnownBoardName));
      const choice = await chooseEvents(cpuinfo, '/does/not/exist');
      assert.equal(cpuinfo.core, core);
      if (events === '32-bit') {
        assert.match(choice.reason ?? '', new RegExp(`^32-bit: .*${core}`));
        assert.deepEqual(choice.cores, []);
      } else {
        assert.equal(choice.reason, undefined);
        assert.equal(choice.cores[0]?.events.map(({ name }) => name).join(' '), events);
      }
    });
  }

  test('a Denver core beside an A57 whose units cannot be told apart is said not to be counted', async () => {
    const cpuinfo = parseCpuinfo(cpuinfoOf('Jetson TX2, all cores'));
    assert.deepEqual((await chooseEvents(cpuinfo, '/does/not/exist')).uncounted, ['Denver-2']);
  });
});

/** Event numbers of the Arm Architecture Reference Manual, the same in every ARMv8 core. */
const architectural: Readonly<Record<string, number>> = {
  L1D_CACHE_REFILL: 0x03,
  L1D_CACHE: 0x04,
  INST_RETIRED: 0x08,
  CPU_CYCLES: 0x11,
  L2D_CACHE: 0x16,
  L2D_CACHE_REFILL: 0x17,
  L2D_CACHE_WB: 0x18,
  L3D_CACHE_REFILL: 0x2a,
};

suite("Arm's event numbers", () => {
  /** The technical reference manuals give each of these cores six counters and one for cycles. */
  const counters = 6 + 1;
  for (const set of [cortexA53, cortexA57, cortexA72, cortexA76, cortexA78]) {
    test(`${set.cores.join()} has each event by its number, and counters for all at once`, () => {
      for (const { symbol, config, kind } of set.events) {
        assert.equal(kind, 'raw');
        assert.equal(config, architectural[symbol], symbol);
      }
      assert.ok(set.events.length <= counters);
      assert.equal(set.events[0]?.name, 'cycles');
    });
  }
});

const armFacts = { features: ['asimd'] };
const device = (name: string, type: number) => ({
  [`sys/bus/event_source/devices/${name}/type`]: `${type}\n`,
});

test('a core is counted on its own unit, among the kernel’s others', async () => {
  await using root = await writeRoot({
    ...device('software', 1),
    ...device('armv8_cortex_a53', 7),
    ...device('arm_dsu_0', 9),
  });
  const { cores } = await chooseEvents({ ...armFacts, core: 'Cortex-A53' }, root.path);
  assert.deepEqual(
    cores.map(({ pmu }) => pmu),
    [{ name: 'armv8_cortex_a53', type: 7 }],
  );
});

test('a unit that names no core is taken where the processor has one kind of core', async () => {
  await using root = await writeRoot(device('armv8_pmuv3_0', 8));
  const { cores } = await chooseEvents({ ...armFacts, core: 'Cortex-A76' }, root.path);
  assert.equal(cores[0]?.pmu?.type, 8);
});

test('two kinds of core are counted each on its own unit, by the events that both have', async () => {
  await using root = await writeRoot({ ...device('armv8_cortex_a53', 7), ...device('armv8_cortex_a76', 8) });
  const choice = await chooseEvents({ ...armFacts, core: 'Cortex-A53 + Cortex-A76' }, root.path);
  assert.deepEqual(
    choice.cores.map(({ core, pmu, events }) => [core, pmu?.type, events.map(({ name }) => name).join(' ')]),
    [
      ['Cortex-A53', 7, 'cycles instructions l1d.accesses l1d.refills l2.refills l2.writebacks'],
      ['Cortex-A76', 8, 'cycles instructions l1d.accesses l1d.refills l2.refills l2.writebacks'],
    ],
  );
  assert.deepEqual(choice.uncounted, []);
  assert.equal(choice.traffic?.reads, 'l2.refills');
});

test('cache misses of x86 are named by the level that they are of', async () => {
  const namesOf = async (vendor: string): Promise<string[]> =>
    ((await chooseEvents({ vendor, features: [] }, '/does/not/exist')).cores[0]?.events ?? [])
      .filter(({ symbol }) => symbol === 'cache-misses')
      .map(({ name }) => name);
  assert.deepEqual(await namesOf('GenuineIntel'), ['llc.misses']);
  assert.deepEqual(await namesOf('AuthenticAMD'), ['l2.misses']);
  assert.deepEqual(await namesOf('CentaurHauls'), []);
});
