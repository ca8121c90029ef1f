import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { unzipSync } from 'fflate';
import { writeNpz } from './write-npz.ts';

const folder = mkdtempSync(join(tmpdir(), 'qfleet-npz-'));
after(() => rmSync(folder, { recursive: true }));

test('an archive holds each array as NPY, the data aligned to 64 bytes, and equal arrays give equal bytes', async () => {
  const arrays = {
    images: { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] },
    labels: { data: Uint8Array.of(7, 8), shape: [2] },
  };
  const [first, second] = [join(folder, 'a.npz'), join(folder, 'b.npz')];
  await writeNpz(first, arrays);
  await writeNpz(second, arrays);
  assert.deepEqual(readFileSync(first), readFileSync(second));
  const files = unzipSync(readFileSync(first));
  const images = Buffer.from(files['images.npy']!);
  const headerBytes = 10 + images.readUInt16LE(8);
  assert.equal(headerBytes % 64, 0);
  assert.match(
    images.toString('latin1', 10, headerBytes),
    /'descr': '\|u1', 'fortran_order': False, 'shape': \(2, 3,\)/,
  );
  assert.deepEqual([...images.subarray(headerBytes)], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...files['labels.npy']!.subarray(-2)], [7, 8]);
});
