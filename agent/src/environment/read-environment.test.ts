import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { environmentSchema } from '@qfleet/shared/result/job-result.ts';
import { writeRoot } from '../inventory/testing/write-root.ts';
import { readEnvironment } from './read-environment.ts';

const cpu = 'sys/devices/system/cpu';
const zone = (number: number, type: string, temp: string): Record<string, string> => ({
  [`sys/class/thermal/thermal_zone${number}/type`]: `${type}\n`,
  [`sys/class/thermal/thermal_zone${number}/temp`]: `${temp}\n`,
});

async function readFrom(files: Readonly<Record<string, string>>) {
  await using root = await writeRoot(files);
  const { atUnixMs, monotonicMs, ...environment } = environmentSchema.parse(await readEnvironment(root.path));
  assert.ok(atUnixMs > 0);
  assert.ok(monotonicMs! > 0);
  return environment;
}

test('a Raspberry Pi tells governor, frequency, temperature, throttle bits, load, memory and ticks', async () => {
  const environment = await readFrom({
    [`${cpu}/cpufreq/policy0/scaling_governor`]: 'ondemand\n',
    [`${cpu}/cpufreq/policy0/scaling_cur_freq`]: '1400000\n',
    ...zone(0, 'cpu-thermal', '60148'),
    'sys/devices/platform/soc/soc:firmware/get_throttled': '50005\n',
    'proc/loadavg': '0.52 0.58 0.59 1/104 2300\n',
    'proc/meminfo': 'MemTotal:         930548 kB\nMemFree:          100000 kB\nMemAvailable:     700000 kB\n',
    'proc/stat': 'cpu  100 20 30 4000 50 6 7 80 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n',
  });
  assert.deepEqual(environment, {
    governor: 'ondemand',
    frequencyHz: 1_400_000_000,
    temperatureMilliC: 60148,
    throttledBits: 0x50005,
    load1: 0.52,
    freeMemoryBytes: 700000 * 1024,
    // 100 + 20 + 30 + 6 + 7; idle, iowait and guests are not busy.
    busyTicks: 163,
    stealTicks: 80,
  });
});

test('what a machine does not tell is absent, not 0', async () => {
  const environment = await readFrom({ 'proc/meminfo': 'MemTotal: 8 kB\nMemFree: 4 kB\n' });
  assert.deepEqual(environment, { freeMemoryBytes: 4096 });
});

test('clusters with different governors are both told, and the fastest frequency', async () => {
  const { governor, frequencyHz } = await readFrom({
    [`${cpu}/cpufreq/policy0/scaling_governor`]: 'schedutil\n',
    [`${cpu}/cpufreq/policy0/scaling_cur_freq`]: '600000\n',
    [`${cpu}/cpufreq/policy4/scaling_governor`]: 'performance\n',
    [`${cpu}/cpufreq/policy4/scaling_cur_freq`]: '2208000\n',
  });
  assert.deepEqual(
    { governor, frequencyHz },
    { governor: 'performance, schedutil', frequencyHz: 2_208_000_000 },
  );
});

test('a kernel without cpufreq policies is asked by its first processor', async () => {
  const { governor } = await readFrom({ [`${cpu}/cpu0/cpufreq/scaling_governor`]: 'interactive\n' });
  assert.equal(governor, 'interactive');
});

test('the processor’s zone is chosen among a Jetson’s, whatever its place', async () => {
  const { temperatureMilliC } = await readFrom({
    ...zone(0, 'AO-therm', '45000'),
    ...zone(1, 'CPU-therm', '38500'),
    ...zone(2, 'GPU-therm', '37000'),
    ...zone(4, 'PMIC-Die', '100000'),
  });
  assert.equal(temperatureMilliC, 38500);
});

test('a zone of another part is not taken for the processor', async () => {
  const { temperatureMilliC } = await readFrom({
    ...zone(0, 'PMIC-Die', '100000'),
    ...zone(1, 'iwlwifi_1', '41000'),
  });
  assert.equal(temperatureMilliC, undefined);
});

test('hwmon serves where no thermal zone is the processor’s', async () => {
  const { temperatureMilliC } = await readFrom({
    'sys/class/hwmon/hwmon0/name': 'nvme\n',
    'sys/class/hwmon/hwmon0/temp1_input': '52000\n',
    'sys/class/hwmon/hwmon1/name': 'k10temp\n',
    'sys/class/hwmon/hwmon1/temp1_input': '61500\n',
  });
  assert.equal(temperatureMilliC, 61500);
});

for (const [description, script, expected] of [
  [
    'is asked where sysfs has no throttle bits',
    '#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x20002\n',
    0x20002,
  ],
  [
    'that may not ask the firmware leaves the bits absent',
    '#!/bin/sh\necho "Can\'t open /dev/vcio"; exit 255\n',
    undefined,
  ],
] as const) {
  test(`vcgencmd ${description}`, async () => {
    await using root = await writeRoot({ 'usr/bin/vcgencmd': script });
    await chmod(join(root.path, 'usr/bin/vcgencmd'), 0o755);
    assert.equal((await readEnvironment(root.path)).throttledBits, expected);
  });
}

test('this machine’s environment fits the schema', async () => {
  environmentSchema.parse(await readEnvironment());
});

test('the quota of the own control group is read, of either version', async () => {
  const meminfo = { 'proc/meminfo': 'MemTotal: 8 kB\nMemFree: 4 kB\n' };
  const v2 = await readFrom({
    ...meminfo,
    'proc/self/cgroup': '0::/system.slice/qfleet-agent.service\n',
    'sys/fs/cgroup/system.slice/qfleet-agent.service/cpu.stat': 'usage_usec 9\nthrottled_usec 250000\n',
  });
  assert.equal(v2.quotaThrottledUs, 250_000);
  const inContainer = await readFrom({
    ...meminfo,
    'proc/self/cgroup': '0::/../outside\n',
    'sys/fs/cgroup/cpu.stat': 'nr_throttled 3\nthrottled_usec 7\n',
  });
  assert.equal(inContainer.quotaThrottledUs, 7);
  const v1 = await readFrom({ ...meminfo, 'sys/fs/cgroup/cpu/cpu.stat': 'throttled_time 5000\n' });
  assert.equal(v1.quotaThrottledUs, 5);
});
