import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeRoot } from '../inventory/testing/write-root.ts';
import { readEmc } from './emc.ts';
import { findMeters } from './find-meters.ts';
import { parsePmic } from './pi5-pmic.ts';
import type { PowerMeter } from './power-meter.ts';
import { MeterLog, PowerWatch } from './power-watch.ts';
import { findRapl } from './rapl.ts';
import { readResctrlBytes } from './resctrl.ts';

const iio = 'sys/bus/i2c/devices/6-0040/iio:device0';
const hwmon = 'sys/class/hwmon/hwmon3';

async function readAll(files: Record<string, string>): Promise<Record<string, unknown>> {
  await using root = await writeRoot(files);
  const found = await findMeters(root.path);
  if ('reason' in found) return { reason: found.reason };
  return Object.fromEntries(await Promise.all(found.map(async (m) => [m.source, await m.read()] as const)));
}

test('a Jetson Nano on JetPack 4 tells its rails in milliwatts', async () => {
  const found = await readAll({
    [`${iio}/rail_name_0`]: 'POM_5V_IN\n',
    [`${iio}/in_power0_input`]: '2345\n',
    [`${iio}/rail_name_1`]: 'POM_5V_GPU\n',
    [`${iio}/in_power1_input`]: '80\n',
  });
  assert.deepEqual(found, {
    'ina3221:POM_5V_IN': { watts: 2.345 },
    'ina3221:POM_5V_GPU': { watts: 0.08 },
  });
});

test('from JetPack 5 on it is voltage times current, and the sum of channels is left out', async () => {
  const found = await readAll({
    [`${hwmon}/name`]: 'ina3221\n',
    [`${hwmon}/in1_label`]: 'VDD_IN\n',
    [`${hwmon}/in1_input`]: '5000\n',
    [`${hwmon}/curr1_input`]: '600\n',
    [`${hwmon}/in7_label`]: 'sum of shunt voltages\n',
    [`${hwmon}/in7_input`]: '3\n',
  });
  assert.deepEqual(found, { 'ina3221:VDD_IN': { watts: 3 } });
});

test('RAPL counts energy by package and says where it starts again', async () => {
  const zone = 'sys/class/powercap/intel-rapl:0';
  await using root = await writeRoot({
    [`${zone}/name`]: 'package-0\n',
    [`${zone}/energy_uj`]: '123456789\n',
    [`${zone}/max_energy_range_uj`]: '262143328850\n',
  });
  const found = await findRapl(root.path);
  assert.ok(!('reason' in found));
  assert.deepEqual(await found[0]?.read(), { joules: 123.456789 });
  assert.equal(found[0]?.wrapJoules, 262143.32885);
});

test('RAPL that only root may read is no missing meter', {
  skip: process.getuid?.() === 0 ? 'root may read everything' : false,
}, async () => {
  const path = 'sys/class/powercap/intel-rapl:0/energy_uj';
  await using root = await writeRoot({ [path]: '1\n' });
  await chmod(join(root.path, path), 0);
  assert.match(String((await readAll({}))['reason']), /^not-present/);
  const found = await findRapl(root.path);
  assert.ok('reason' in found && found.reason.startsWith('permission'));
});

test('a device without meters says so', async () => {
  assert.match(String((await readAll({}))['reason']), /^not-present: no power meter/);
});

test('a Pi 5 is the sum of volts times amperes over its rails', () => {
  const text = `   3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
   3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.75000000V
   EXT5V_V volt(24)=5.15000000V`;
  assert.ok(Math.abs(parsePmic(text) - (0.37 + 1.5)) < 1e-9);
  assert.throws(() => parsePmic('error=1 error_msg="Command not registered"'));
});

test('the memory controller is as busy as its clocks say', async () => {
  await using root = await writeRoot({
    'sys/kernel/actmon_avg_activity/mc_all': '400000\n',
    'sys/kernel/debug/clk/override.emc/clk_rate': '1600000000\n',
  });
  assert.deepEqual(await readEmc(root.path), { utilisation: 0.25, bytesPerSec: 6.4e9 });
});

test('the traffic of all L3 domains is added, and a domain that counts nothing leaves none', async () => {
  const domain = (n: number) => `sys/fs/resctrl/mon_data/mon_L3_0${n}/mbm_total_bytes`;
  await using root = await writeRoot({ [domain(0)]: '1000\n', [domain(1)]: '234\n' });
  assert.equal(await readResctrlBytes(root.path), 1234);
  await using broken = await writeRoot({ [domain(0)]: '1000\n', [domain(1)]: 'Unavailable\n' });
  assert.equal(await readResctrlBytes(broken.path), undefined);
  await using none = await writeRoot({ 'proc/stat': '' });
  assert.equal(await readResctrlBytes(none.path), undefined);
});

const meter = (read: PowerMeter['read'], wrapJoules?: number): PowerMeter => ({
  source: 'test',
  read,
  ...(wrapJoules !== undefined && { wrapJoules }),
});

test('power is weighted by time, energy survives the restart of its counter', () => {
  const watts = new MeterLog(meter(async () => ({ watts: 0 })));
  for (const [value, atNs] of [
    [2, 0],
    [2, 1e9],
    [8, 2e9],
  ] as const) {
    watts.add({ watts: value }, atNs);
  }
  assert.deepEqual(watts.summarise(), { source: 'test', samples: 3, meanW: 3.5 });
  const energy = new MeterLog(meter(async () => ({ joules: 0 }), 100));
  energy.add({ joules: 95 }, 0);
  energy.add({ joules: 99 }, 1e9);
  energy.add({ joules: 7 }, 2e9);
  assert.deepEqual(energy.summarise(), { source: 'test', samples: 3, energyJ: 12, meanW: 6 });
});

test('a watch reads until it is stopped; a meter that fails is told and stops nobody', async () => {
  let joules = 0;
  const counting = meter(async () => ({ joules: joules++ }));
  const broken = meter(async () => {
    throw new Error('bus error');
  });
  const watch = new PowerWatch([counting, broken]);
  watch.start();
  await new Promise((resolve) => setTimeout(resolve, 350));
  const [counted, failed] = await watch.stop();
  assert.ok(counted!.samples >= 3 && counted!.energyJ! >= 2);
  assert.deepEqual(failed, { source: 'test', samples: 0, reason: 'failed: bus error' });
});

test('a watch of something that failed reads no more', async () => {
  let reads = 0;
  const counting = meter(async () => ({ joules: reads++ }));
  {
    await using watch = new PowerWatch([counting]);
    watch.start();
  }
  const before = reads;
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(reads, before);
});
