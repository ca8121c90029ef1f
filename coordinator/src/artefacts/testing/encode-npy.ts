/** A .npy file, version 1.0, of little-endian data; `descr` as NumPy writes it, for example `<f4`. */
export function encodeNpy(
  descr: string,
  shape: readonly number[],
  data: ArrayBufferView,
  options: { readonly fortranOrder?: boolean } = {},
): Buffer {
  const order = options.fortranOrder ? 'True' : 'False';
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')},), }`;
  const headerBytes = Math.ceil((header.length + 11) / 64) * 64 - 10;
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, headerBytes & 255, headerBytes >> 8]);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([prefix, Buffer.from(`${header.padEnd(headerBytes - 1)}\n`, 'latin1'), bytes]);
}
