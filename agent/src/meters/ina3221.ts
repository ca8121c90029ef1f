import { listNames, readNumber, readText } from '../inventory/read-text.ts';
import type { FoundMeters, PowerMeter } from './power-meter.ts';

const devices = 'sys/bus/i2c/devices';
const hwmons = 'sys/class/hwmon';

/**
 * A Jetson's INA3221, one meter per rail. Up to JetPack 4 in the iio folders of the i2c device, power in mW
 * (`rail_name_0`, `in_power0_input`); from JetPack 5 as hwmon, voltage in mV times current in mA (`in1_label`,
 * `in1_input`, `curr1_input`), where channel 7 is the sum of the others and left out. Not tried on a board yet.
 */
export async function findIna3221(root: string): Promise<FoundMeters> {
  const meters = [...(await findIio(root)), ...(await findHwmon(root))];
  return meters.length > 0 ? meters : { reason: 'not-present: no INA3221, which Jetsons have' };
}

async function findIio(root: string): Promise<PowerMeter[]> {
  const found: PowerMeter[] = [];
  for (const device of await listNames(root, devices, /./)) {
    for (const iio of await listNames(root, `${devices}/${device}`, /^iio:device\d+$/)) {
      const folder = `${devices}/${device}/${iio}`;
      for (const channel of await listNames(root, folder, /^rail_name_\d+$/)) {
        const number = channel.split('_').at(-1);
        const rail = await readText(root, `${folder}/${channel}`);
        const path = `${folder}/in_power${number}_input`;
        if (rail && (await readNumber(root, path)) !== undefined) {
          found.push(meterOf(rail, async () => (await requireNumber(root, path)) / 1000));
        }
      }
    }
  }
  return found;
}

async function findHwmon(root: string): Promise<PowerMeter[]> {
  const found: PowerMeter[] = [];
  for (const chip of await listNames(root, hwmons, /^hwmon\d+$/)) {
    const folder = `${hwmons}/${chip}`;
    if ((await readText(root, `${folder}/name`)) !== 'ina3221') continue;
    for (const label of await listNames(root, folder, /^in[1-6]_label$/)) {
      const number = /\d/.exec(label)?.[0];
      const rail = await readText(root, `${folder}/${label}`);
      const [volt, current] = [`${folder}/in${number}_input`, `${folder}/curr${number}_input`];
      if (!rail || (await readNumber(root, current)) === undefined) continue;
      found.push(
        meterOf(
          rail,
          async () => ((await requireNumber(root, volt)) * (await requireNumber(root, current))) / 1e6,
        ),
      );
    }
  }
  return found;
}

function meterOf(rail: string, watts: () => Promise<number>): PowerMeter {
  return { source: `ina3221:${rail}`, read: async () => ({ watts: await watts() }) };
}

async function requireNumber(root: string, path: string): Promise<number> {
  const value = await readNumber(root, path);
  if (value === undefined) throw new Error(`/${path} cannot be read any more`);
  return value;
}
