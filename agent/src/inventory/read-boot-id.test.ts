import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBootId } from './read-boot-id.ts';
import { writeRoot } from './testing/write-root.ts';

test('the boot id is the kernel’s', async () => {
  await using root = await writeRoot({
    'proc/sys/kernel/random/boot_id': '5712bdcf-6660-4aec-9906-a8a950c5d6a7\n',
  });
  assert.equal(await readBootId(root.path), '5712bdcf-6660-4aec-9906-a8a950c5d6a7');
});

test('a system without a boot id is refused with what to do', {
  skip: process.platform === 'darwin' && 'macOS gives a boot id of its own',
}, async () => {
  await using root = await writeRoot({});
  await assert.rejects(readBootId(root.path), { code: 'unsupported', hint: /Mount \/proc/ });
});
