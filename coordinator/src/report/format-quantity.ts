/** How a quantity is shown: display value = value × factor. */
export interface Scale {
  readonly unit: string;
  readonly factor: number;
  /** Fixed decimals; else three significant figures. */
  readonly decimals?: number;
}

const timeScales: readonly Scale[] = [
  { unit: 's', factor: 1e-9 },
  { unit: 'ms', factor: 1e-6 },
  { unit: 'µs', factor: 1e-3 },
  { unit: 'ns', factor: 1 },
];
const byteScales: readonly Scale[] = [
  { unit: 'GB', factor: 1e-9 },
  { unit: 'MB', factor: 1e-6 },
  { unit: 'kB', factor: 1e-3 },
  { unit: 'B', factor: 1 },
];
/** Caches are powers of two, and are known by those. */
const cacheScales: readonly Scale[] = [
  { unit: 'MiB', factor: 2 ** -20 },
  { unit: 'KiB', factor: 2 ** -10 },
  { unit: 'B', factor: 1 },
];
const scalesByUnit: Readonly<Record<string, readonly Scale[]>> = {
  ns: timeScales,
  B: byteScales,
  'B/s': byteScales.map((scale) => ({ ...scale, unit: `${scale.unit}/s` })),
  Hz: [
    { unit: 'GHz', factor: 1e-9 },
    { unit: 'MHz', factor: 1e-6 },
    { unit: 'Hz', factor: 1 },
  ],
  W: [
    { unit: 'W', factor: 1 },
    { unit: 'mW', factor: 1e3 },
  ],
  J: [
    { unit: 'J', factor: 1 },
    { unit: 'mJ', factor: 1e3 },
    { unit: 'µJ', factor: 1e6 },
  ],
  milliC: [{ unit: '°C', factor: 1e-3 }],
  points: [{ unit: 'points', factor: 1, decimals: 2 }],
  dB: [{ unit: 'dB', factor: 1, decimals: 1 }],
};

/** Events and operations are counted by the million. */
const countScales: readonly Scale[] = [
  { unit: '10⁹', factor: 1e-9 },
  { unit: '10⁶', factor: 1e-6 },
  { unit: '10³', factor: 1e-3 },
  { unit: '', factor: 1 },
];
const counts = /^(cycles|instructions|cache\..*\.(refills|misses))$/;
/** Plain figures, neither shares nor times as much. */
const plain = /^(ipc|counter\.|process\.|load\.)/;

/** Quantities of unit 1 that are shares, and read better in percent. */
const shares = /^(accuracy|agreement|transfer\.flips)\.|\.share$/;

/**
 * The scale in which all of these values of one quantity read well: chosen by their geometric mean, so that one
 * slow device does not turn everybody else's milliseconds into thousandths of seconds.
 */
export function chooseScale(quantity: string, unit: string, values: readonly number[]): Scale {
  if (unit === '1' && !counts.test(quantity)) return scaleOfRatio(quantity);
  const scales = scalesOf(quantity, unit);
  if (!scales) return { unit, factor: 1 };
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return scales.at(-1)!;
  const typical = Math.exp(positive.reduce((sum, value) => sum + Math.log(value), 0) / positive.length);
  return scales.find((scale) => typical * scale.factor >= 0.9995) ?? scales.at(-1)!;
}

function scaleOfRatio(quantity: string): Scale {
  if (shares.test(quantity)) return { unit: '%', factor: 100, decimals: 2 };
  return { unit: plain.test(quantity) ? '' : '×', factor: 1 };
}

function scalesOf(quantity: string, unit: string): readonly Scale[] | undefined {
  if (counts.test(quantity)) return countScales;
  return quantity.startsWith('cache.') && unit === 'B' ? cacheScales : scalesByUnit[unit];
}

/** A value in its scale, without the unit: three significant figures, or the scale's fixed decimals. */
export function formatValue(value: number, scale: Scale): string {
  const shown = value * scale.factor;
  if (scale.decimals !== undefined) return (Object.is(shown, -0) ? 0 : shown).toFixed(scale.decimals);
  return threeFigures(shown);
}

/** Three significant figures, never an exponent; whole numbers from 100 on. */
export function threeFigures(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
  return value.toFixed(Math.min(20, Math.max(0, 2 - magnitude)));
}
