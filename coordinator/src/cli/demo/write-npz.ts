import { rename, writeFile } from 'node:fs/promises';
import { zipSync } from 'fflate';

/** An array of bytes with its shape, row-major. */
export interface ByteArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/** Writes uint8 arrays as NumPy's .npz, uncompressed, whole or not at all; equal arrays give equal bytes. */
export async function writeNpz(path: string, arrays: Readonly<Record<string, ByteArray>>): Promise<void> {
  const entries = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)]);
  const bytes = zipSync(Object.fromEntries(entries), { level: 0, mtime: '1980-01-01' });
  const temporary = `${path}.part`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

/** NPY format 1.0 (numpy.lib.format): magic, version, header length, header padded to 64 bytes, then the bytes. */
function encodeNpy({ data, shape }: ByteArray): Uint8Array {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const prefixBytes = 10;
  const paddedBytes = Math.ceil((prefixBytes + header.length + 1) / 64) * 64 - prefixBytes;
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, paddedBytes & 255, paddedBytes >> 8]);
  return Buffer.concat([prefix, Buffer.from(`${header.padEnd(paddedBytes - 1)}\n`, 'latin1'), data]);
}
