import { writeFileSync } from 'node:fs';
import { makeGlyphSet } from './make-glyph-set.ts';

/**
 * Writes a glyph set for NumPy: `node write-npy.ts SEED COUNT OUT` makes `OUT.images.npy`, uint8
 * `[COUNT, 32, 32, 1]`, and `OUT.labels.npy`, uint8 `[COUNT]`.
 */
function writeGlyphSet([seed, count, out]: readonly string[]): void {
  if (seed === undefined || count === undefined || out === undefined) {
    throw new Error('expected SEED COUNT OUT, for example: node write-npy.ts 1 1000 /tmp/glyphs');
  }
  const set = makeGlyphSet({ seed: Number(seed), count: Number(count) });
  const shape = [Number(count), set.height, set.width, set.channels];
  writeFileSync(`${out}.images.npy`, encodeNpy(set.images, shape));
  writeFileSync(`${out}.labels.npy`, encodeNpy(set.labels, [Number(count)]));
}

/** NPY format 1.0 (numpy.lib.format): magic, version, header length, header padded to 64 bytes, then the bytes. */
function encodeNpy(data: Uint8Array, shape: readonly number[]): Uint8Array {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const prefixBytes = 10;
  const paddedBytes = Math.ceil((prefixBytes + header.length + 1) / 64) * 64 - prefixBytes;
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, paddedBytes & 255, paddedBytes >> 8]);
  return Buffer.concat([prefix, Buffer.from(`${header.padEnd(paddedBytes - 1)}\n`, 'latin1'), data]);
}

writeGlyphSet(process.argv.slice(2));
