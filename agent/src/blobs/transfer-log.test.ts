import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferLog } from './transfer-log.ts';

test('a transfer of over a megabyte gives its rate, a smaller one says nothing', () => {
  const log = new TransferLog();
  log.add('download', 1_000_000, 1e9);
  log.add('download', 3_000_000, 2e9);
  log.add('upload', 4_000_000, 1e9);
  assert.deepEqual(log.rates, { download: [1.5e6], upload: [4e6] });
});

test('the last twenty transfers are kept', () => {
  const log = new TransferLog();
  for (let i = 1; i <= 25; i++) log.add('upload', i * 2_000_000, 1e9);
  assert.equal(log.rates.upload.length, 20);
  assert.equal(log.rates.upload[0], 12e6);
  assert.equal(log.rates.upload.at(-1), 50e6);
});
