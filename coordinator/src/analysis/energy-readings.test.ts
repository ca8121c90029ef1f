import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterLaunch } from '@qfleet/shared/result/job-result.ts';
import { energyReadings } from './energy-readings.ts';

/** 100 inferences in 2 s. */
function launch(power: CounterLaunch['power']): CounterLaunch {
  return { variantDigest: '0'.repeat(64), inferences: 100, wallNs: 2e9, events: [], power };
}

function values(power: CounterLaunch['power']): (number | string)[] {
  return energyReadings(launch(power), undefined).map((reading) =>
    reading.status === 'unavailable' ? reading.reason : Number(reading.value.toPrecision(12)),
  );
}

test("the board's input stands for the whole, its rails are parts of it", () => {
  const power = [
    { source: 'ina3221:POM_5V_GPU', samples: 20, meanW: 1, idleW: 0.1 },
    { source: 'ina3221:POM_5V_IN', samples: 20, meanW: 5, idleW: 2 },
  ];
  // 5 W for 20 ms, 3 W of them above idle.
  assert.deepEqual(values(power), [5, 0.1, 0.06]);
});

test('packages add up', () => {
  const power = [0, 1].map((index) => ({
    source: `rapl:package-${index}`,
    samples: 20,
    meanW: 10,
    energyJ: 20,
  }));
  assert.deepEqual(values(power), [20, 0.4, 'not-measured: no idle power']);
});

test('without a meter, or with one that failed, there is a reason and no number', () => {
  assert.match(String(values([])[0]), /^not-present/);
  assert.deepEqual(values([{ source: 'pi5-pmic', samples: 0, reason: 'failed: x' }])[1], 'failed: x');
  assert.ok(
    energyReadings(undefined, 'emulated').every((one) => 'reason' in one && one.reason === 'emulated'),
  );
  assert.match(String(energyReadings(undefined, undefined)[0]), /./);
});
