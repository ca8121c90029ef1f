import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import { bytesPerEvent } from './bytes-per-event.ts';

const bytes = 64e6;

function counted(value: number, over: Partial<EventCount> = {}): EventCount {
  return { name: 'l2.refills', event: 'raw:0x17', value, enabledNs: 100, runningNs: 100, ...over };
}

test('known bytes over counted lines are the bytes behind each', () => {
  assert.deepEqual(bytesPerEvent(bytes, counted(1e6)), { bytes: 64, isMultiplexed: false });
});

test('45 to 90 bytes are believed, all else is refused with what was found', () => {
  assert.equal(bytesPerEvent(45e6, counted(1e6)).bytes, 45);
  assert.equal(bytesPerEvent(90e6, counted(1e6)).bytes, 90);
  // Two thirds of a line: a store that first fetched its line was counted too.
  assert.match(
    bytesPerEvent(42.7e6, counted(1e6)).reason ?? '',
    /^uncalibrated: 42\.7 B per l2\.refills event/,
  );
  assert.match(bytesPerEvent(210e6, counted(1e6)).reason ?? '', /^uncalibrated: 210\.0 B/);
  assert.match(bytesPerEvent(bytes, counted(0)).reason ?? '', /^uncalibrated: no event at all/);
});

test('an event that shared its counter is scaled first', () => {
  const found = bytesPerEvent(bytes, counted(5e5, { runningNs: 50 }));
  assert.deepEqual(found, { bytes: 64, isMultiplexed: true });
});

test('an event that was not counted has its own reason', () => {
  const count: EventCount = { name: 'l2.refills', event: 'raw:0x17', reason: 'no-pmu: none' };
  assert.equal(bytesPerEvent(bytes, count).reason, 'no-pmu: none');
  assert.match(bytesPerEvent(bytes, undefined).reason ?? '', /^not-supported/);
});
