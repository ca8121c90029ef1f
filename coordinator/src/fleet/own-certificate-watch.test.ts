import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnCertificateWatch } from './own-certificate-watch.ts';

const dayMs = 24 * 3_600_000;

test('a coordinator warns of its own certificate once a day, from 30 days before its end', () => {
  const warnings: string[] = [];
  const warn = (_: unknown, message?: string): void => void warnings.push(message ?? '');
  const watch = new OwnCertificateWatch(100 * dayMs, { warn });
  watch.look(69 * dayMs);
  assert.deepEqual(warnings, []);
  watch.look(70 * dayMs);
  watch.look(70.5 * dayMs);
  watch.look(101 * dayMs);
  watch.look(101.9 * dayMs);
  // The clock was set back: what was said then is far away.
  watch.look(90 * dayMs);
  assert.equal(warnings.length, 3);
  assert.match(warnings[0] ?? '', /certificate ends on .*in 30 days.*restart the coordinator/);
  assert.match(warnings[1] ?? '', /certificate expired on .*1 day ago/);
});
