import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';

/** Units by quantity. */
const energyUnits = {
  'power.mean': 'W',
  'energy.inference': 'J',
  'energy.inference.above-idle': 'J',
} as const;

/** What stands for the whole, the widest first: the board's input, else the packages, else the rails that a chip tells. */
const wholes: readonly RegExp[] = [/^ina3221:(POM_5V_IN|VDD_IN)$/, /^rapl:package/, /^pi5-pmic$/];

type PowerUse = CounterLaunch['power'][number];

/**
 * Power and energy of the launch under meters: `power.mean`, `energy.inference` (mean power times the time per
 * inference, what the device takes anyway included) and `energy.inference.above-idle` (less the power just before
 * anything ran). The method names the meters: a board's input and a processor's package are different quantities.
 */
export function energyReadings(launch: CounterLaunch | undefined, whyNone: string | undefined): Reading[] {
  const whole = wholes
    .map((pattern) => (launch?.power ?? []).filter(({ source }) => pattern.test(source)))
    .find((uses) => uses.length > 0);
  const reason = whyNone ?? whyNot(launch, whole);
  const { inferences, wallNs } = launch ?? {};
  if (reason !== undefined || !whole || !inferences || !wallNs) {
    const why = reason ?? 'bad-evidence: the launch does not say how much it ran';
    return Object.entries(energyUnits).map(([quantity, unit]) => unavailable(quantity, unit, why));
  }
  const meanW = sum(whole.map((use) => use.meanW));
  const idleW = whole.every((use) => use.idleW !== undefined)
    ? sum(whole.map((use) => use.idleW))
    : undefined;
  const seconds = wallNs / 1e9 / inferences;
  const method = whole.map(({ source }) => source).join(' + ');
  const n = Math.min(...whole.map(({ samples }) => samples));
  return [
    available({ quantity: 'power.mean', value: meanW, unit: 'W', method, n }),
    available({
      quantity: 'energy.inference',
      status: 'derived',
      value: meanW * seconds,
      unit: 'J',
      method: `${method} × time per inference`,
      n,
      flags: ['idle-included'],
    }),
    idleW === undefined
      ? unavailable('energy.inference.above-idle', 'J', 'not-measured: no idle power')
      : available({
          quantity: 'energy.inference.above-idle',
          status: 'derived',
          value: (meanW - idleW) * seconds,
          unit: 'J',
          method: `(${method} − idle) × time per inference`,
          n,
        }),
  ];
}

function whyNot(
  launch: CounterLaunch | undefined,
  whole: readonly PowerUse[] | undefined,
): string | undefined {
  if (!launch) return 'no-counters: no launch ran under meters';
  if (launch.failure) return `${launch.failure.class}: ${launch.failure.message}`;
  if (!whole) return 'not-present: the device has no power meter that can be read';
  return whole.find((use) => use.meanW === undefined)?.reason;
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
