import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { explainDiskFailure } from './explain-disk-failure.ts';

const onLinux = { skip: process.platform !== 'linux' && 'needs /proc and /dev/full' };

test('a disk that fails is unavailable, a full one exhausted, each with what to do', onLinux, async () => {
  // Nothing is mapped at the first address: reading it is an I/O error, as of a broken disk.
  const fail = async (): Promise<void> => {
    await using memory = await open('/proc/self/mem');
    await memory.read(Buffer.alloc(16), 0, 16, 0);
  };
  await assert.rejects(explainDiskFailure('/the/path', fail), {
    code: 'unavailable',
    message: /EIO at \/the\/path/,
    hint: /dmesg/,
  });
  await assert.rejects(
    explainDiskFailure('/dev/full', () => writeFile('/dev/full', 'x')),
    { code: 'resource-exhausted', message: /\/dev\/full/, hint: /qfleet gc/ },
  );
  const thrown = await fail().catch(QfleetError.from);
  assert.equal(thrown?.code, 'unavailable');
  assert.match(thrown?.hint ?? '', /dmesg/);
});
