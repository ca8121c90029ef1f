import { listNames, readNumber, readText } from '../inventory/read-text.ts';

/**
 * Temperature of the processor, thousandths of a degree Celsius; undefined where no sensor is the processor's.
 * Thermal zones are chosen by type, the processor's own before the SoC's before the firmware's; hwmon is the
 * fallback, for PCs whose sensors appear only there. Zones of other parts are never taken for it: a Jetson's
 * `PMIC-Die` says 100 °C whatever happens.
 */
export async function readTemperature(root: string): Promise<number | undefined> {
  const sensors = [...(await readZones(root)), ...(await readHwmon(root))];
  const ranked = sensors
    .map((sensor) => ({ ...sensor, rank: preferredTypes.findIndex((type) => type.test(sensor.type)) }))
    .filter((sensor) => sensor.rank >= 0)
    .sort((a, b) => a.rank - b.rank);
  return ranked[0]?.milliC;
}

interface Sensor {
  readonly type: string;
  readonly milliC: number;
}

/** Best first. Types as kernels name them: `cpu-thermal` (Pi), `CPU-therm` (Jetson), `x86_pkg_temp`, … */
const preferredTypes: readonly RegExp[] = [
  /^(cpu|x86_pkg_temp|bigcore|coretemp|k10temp|zenpower)/i,
  /cpu|bcm2835_thermal/i,
  /^(soc|package|ao-therm|tegra)/i,
  /^acpitz/i,
];

async function readZones(root: string): Promise<Sensor[]> {
  const folder = 'sys/class/thermal';
  const zones = await listNames(root, folder, /^thermal_zone\d+$/);
  return readSensors(
    root,
    zones.map((zone) => ({ type: `${folder}/${zone}/type`, value: `${folder}/${zone}/temp` })),
  );
}

async function readHwmon(root: string): Promise<Sensor[]> {
  const folder = 'sys/class/hwmon';
  const chips = await listNames(root, folder, /^hwmon\d+$/);
  return readSensors(
    root,
    chips.map((chip) => ({ type: `${folder}/${chip}/name`, value: `${folder}/${chip}/temp1_input` })),
  );
}

async function readSensors(
  root: string,
  files: readonly { type: string; value: string }[],
): Promise<Sensor[]> {
  const sensors = await Promise.all(
    files.map(async (file) => ({
      type: await readText(root, file.type),
      milliC: await readNumber(root, file.value),
    })),
  );
  return sensors.flatMap(({ type, milliC }) =>
    // Switched-off sensors read 0 or −274,000 and the like.
    type !== undefined && milliC !== undefined && milliC > 0 && milliC < 150_000 ? [{ type, milliC }] : [],
  );
}
