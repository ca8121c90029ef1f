import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { createRandom, type Random } from '@qfleet/shared/random.ts';
import { zipSync } from 'fflate';
import { encodeIdx } from '../testing/encode-idx.ts';
import { encodeNpy } from '../testing/encode-npy.ts';
import { encodePng } from '../testing/encode-png.ts';
import { encodeTar } from '../testing/encode-tar.ts';
import { openTestParts } from '../testing/open-test-parts.ts';

const pixels = Uint8Array.from({ length: 48 }, (_, i) => i);
const npy = encodeNpy('|u1', [3, 4, 4], pixels);
const floats = encodeNpy(
  '<f4',
  [3, 4],
  Float32Array.from({ length: 12 }, (_, i) => i),
);
const labels = encodeNpy('<i8', [3], BigInt64Array.of(0n, 1n, 2n));
const png = await encodePng(4, 4, [10, 200, 30]);
const tar = await encodeTar([
  ['a/1.png', png],
  ['b/2.png', png],
]);
const files: Record<string, Uint8Array> = {
  'x.npy': npy,
  'f.npy': floats,
  'set.npz': zipSync({ 'x.npy': npy, 'y.npy': labels }, { level: 0 }),
  'packed.npz': zipSync({ 'x.npy': floats, 'y.npy': labels }),
  'images-idx3-ubyte': encodeIdx([3, 4, 4], pixels),
  'images-idx3-ubyte.gz': gzipSync(encodeIdx([3, 4, 4], pixels)),
  'set.zip': zipSync({ 'a/1.png': png, 'b/2.png': png }),
  'set.tar': tar,
  'set.tar.gz': gzipSync(tar),
};

/** Cuts a file off, overwrites some of its bytes, or both. */
function damage(content: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(content);
  for (let i = random.below(6); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  return random.below(2) === 0 ? bytes : bytes.subarray(0, random.below(bytes.length));
}

for (const [name, content] of Object.entries(files)) {
  test(`a damaged ${name} is refused or read, and nothing else happens`, async () => {
    await using parts = await openTestParts();
    const random = createRandom(7);
    const codes = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const path = await parts.write(`${round}/${name}`, damage(content, random));
      const outcome = await parts.import(path, { name: `${round}` }).then(
        () => 'read',
        (error: unknown) => {
          assert.ok(error instanceof QfleetError, `round ${round}: ${String(error)}`);
          assert.ok(error.hint, `round ${round}: ${error.message} has no hint`);
          return error.code;
        },
      );
      codes.add(outcome);
    }
    assert.ok(codes.has('refused'));
    assert.deepEqual(
      [...codes].filter((code) => code !== 'refused' && code !== 'read'),
      [],
    );
  });
}
