import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { suite, test } from 'node:test';
import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import type { EventChoice } from './choose-events.ts';
import { amd } from './cores/amd.ts';
import { cortexA53 } from './cores/cortex-a53.ts';
import { cortexA76 } from './cores/cortex-a76.ts';
import { openCounters } from './open-counters.ts';
import { type FakeAnswer, type FakeSyscalls, fakeSyscalls } from './testing/fake-syscalls.ts';

const pi3: EventChoice = {
  cores: [{ core: 'Cortex-A53', pmu: { name: 'armv8_cortex_a53', type: 7 }, events: cortexA53.events }],
  uncounted: [],
};
const counted = { value: 1000, enabledNs: 50_000, runningNs: 50_000 };

async function count(
  syscalls: FakeSyscalls,
  over: { readonly choice?: EventChoice; readonly paranoid?: number } = {},
): Promise<Map<string, EventCount>> {
  const { choice = pi3, paranoid = 2 } = over;
  using counters = openCounters({ choice, access: { syscalls }, paranoid });
  const { events } = await counters.during(async () => undefined);
  return new Map(events.map((event) => [event.name, event]));
}

test('events are opened on the unit of their core, inherited, each for itself, and closed in the end', async () => {
  const syscalls = fakeSyscalls({ '*': counted });
  const events = await count(syscalls);
  assert.deepEqual(syscalls.opened[0], { type: 7, config: 0x11, isUserOnly: false, isInherited: true });
  assert.equal(syscalls.opened.length, 7 + 4);
  assert.ok(syscalls.opened.every(({ isInherited, isUserOnly }) => isInherited && !isUserOnly));
  assert.deepEqual(events.get('l2.refills'), {
    name: 'l2.refills',
    event: 'raw:0x17 L2D_CACHE_REFILL',
    ...counted,
  });
  assert.equal(syscalls.stillOpen.size, 0);
});

test('only the section counts, not what a counter held before', async () => {
  const syscalls = fakeSyscalls({ '*': counted });
  using counters = openCounters({ choice: pi3, access: { syscalls }, paranoid: 2 });
  for (let section = 0; section < 3; section++) {
    const { answer, events } = await counters.during(async () => section);
    assert.equal(answer, section);
    assert.equal(events[0]?.value, counted.value);
    assert.equal(events[0]?.enabledNs, counted.enabledNs);
  }
});

test('where the kernel’s part is not allowed user space is counted, and says so', async () => {
  const events = await count(fakeSyscalls({ '*': { ...counted, userOnly: 'needed' } }));
  assert.equal(events.get('cycles')?.isUserOnly, true);
  assert.equal(events.get('page-faults')?.isUserOnly, true);
  // The scheduler's clock runs in the kernel too.
  assert.equal(events.get('task-clock')?.isUserOnly, undefined);
});

test('what happens in the kernel alone is not counted as 0 in user space', async () => {
  const syscalls = fakeSyscalls({ '*': { ...counted, userOnly: 'needed' } });
  const events = await count(syscalls);
  for (const name of ['context-switches', 'cpu-migrations']) {
    assert.equal(events.get(name)?.value, undefined);
    assert.match(events.get(name)?.reason ?? '', /^permission: .* is 2, counters need ≤ 1; /);
  }
});

suite('what the kernel refuses has a reason of its own', () => {
  const { errno } = constants;
  const cases: readonly [answer: FakeAnswer, reason: RegExp][] = [
    [{ errno: errno.ENOENT }, /^no-pmu: /],
    [{ errno: errno.EACCES, userOnlyErrno: errno.ENOENT }, /^no-pmu: /],
    [
      { errno: errno.EACCES },
      /^permission: perf_event_paranoid is 3, counters need ≤ 2; run: sudo sysctl kernel\.perf_event_paranoid=2$/,
    ],
    [{ errno: errno.EPERM }, /^seccomp: .*EPERM.*--cap-add PERFMON/],
    [{ errno: errno.ENOSYS }, /^seccomp: .*ENOSYS/],
    [{ errno: errno.EOPNOTSUPP }, /^not-supported: /],
    [{ errno: errno.EINVAL }, /^kernel-too-old: .*EINVAL/],
    [{ errno: errno.E2BIG }, /^kernel-too-old: .*E2BIG/],
    [{ errno: errno.EMFILE }, /^too-many-files: .*ulimit -n/],
    [{ errno: errno.ENODEV }, /^no-device: /],
    [{ errno: errno.EBUSY }, /^busy: /],
    [{ errno: errno.ESRCH }, /^failed: perf_event_open ended with ESRCH$/],
  ];
  for (const [answer, reason] of cases) {
    const names =
      'errno' in answer ? [answer.errno, answer.userOnlyErrno].filter(Boolean).join(', then ') : '';
    test(`errno ${names} is ${reason.source}`, async () => {
      const events = await count(fakeSyscalls({ '*': answer }), { paranoid: 3 });
      assert.match(events.get('cycles')?.reason ?? '', reason);
      assert.equal(events.get('cycles')?.value, undefined);
    });
  }
});

test('an event that a PMU does not know is told from a PMU that is not there', async () => {
  const events = await count(fakeSyscalls({ '*': counted, '7:24': { errno: constants.errno.ENOENT } }));
  assert.match(events.get('l2.writebacks')?.reason ?? '', /^not-supported: /);
  assert.equal(events.get('cycles')?.value, counted.value);
});

test('software events are counted where there is no PMU', async () => {
  const answers = Object.fromEntries([1, 2, 3, 4].map((config) => [`1:${config}`, counted]));
  const events = await count(fakeSyscalls(answers));
  assert.match(events.get('cycles')?.reason ?? '', /^no-pmu: /);
  for (const name of ['task-clock', 'page-faults', 'context-switches', 'cpu-migrations'])
    assert.equal(events.get(name)?.value, counted.value);
});

test('an event that never got a counter is multiplexed and not 0', async () => {
  const never = { value: 0, enabledNs: 50_000, runningNs: 0 };
  const events = await count(fakeSyscalls({ '*': counted, '7:23': never }));
  assert.match(events.get('l2.refills')?.reason ?? '', /^multiplexed/);
  assert.equal(events.get('l2.refills')?.value, undefined);
});

test('on two kinds of core counts and running times add up under one name', async () => {
  const choice: EventChoice = {
    cores: [
      { core: 'Cortex-A53', pmu: { name: 'armv8_cortex_a53', type: 7 }, events: [cortexA53.events[0]!] },
      { core: 'Cortex-A76', pmu: { name: 'armv8_cortex_a76', type: 8 }, events: [cortexA76.events[0]!] },
    ],
    uncounted: [],
  };
  const syscalls = fakeSyscalls({
    '7:17': { value: 300, enabledNs: 100, runningNs: 30 },
    '8:17': { value: 1400, enabledNs: 100, runningNs: 70 },
  });
  const cycles = (await count(syscalls, { choice })).get('cycles');
  assert.deepEqual(
    [cycles?.value, cycles?.enabledNs, cycles?.runningNs, cycles?.event],
    [1700, 100, 100, 'raw:0x11 CPU_CYCLES'],
  );
});

test('generic events go to the only unit without naming it, for old kernels cannot be told', async () => {
  const syscalls = fakeSyscalls({ '*': counted });
  const choice = {
    cores: [{ core: 'AuthenticAMD', pmu: { name: 'cpu', type: 4 }, events: amd.events }],
    uncounted: [],
  };
  await count(syscalls, { choice });
  assert.deepEqual(
    syscalls.opened.slice(0, 6).map(({ type, config }) => [type, config]),
    [
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
      [3, 0],
      [3, 0x10000],
    ],
  );
});

test('without a way to call the kernel every event says so', async () => {
  using counters = openCounters({ choice: pi3, access: { reason: 'no-ffi: no binary' }, paranoid: 2 });
  const { answer, events } = await counters.during(async () => 'ran');
  assert.equal(answer, 'ran');
  assert.equal(events.length, 11);
  assert.ok(events.every(({ reason, value }) => reason === 'no-ffi: no binary' && value === undefined));
});

test('a processor without a set of events gives the reason under the names that all have', async () => {
  const syscalls = fakeSyscalls({ '*': counted });
  const events = await count(syscalls, { choice: { cores: [], uncounted: [], reason: '32-bit: no' } });
  assert.equal(events.get('cycles')?.reason, '32-bit: no');
  assert.equal(events.get('instructions')?.reason, '32-bit: no');
  assert.equal(events.get('task-clock')?.value, counted.value);
});
