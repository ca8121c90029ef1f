/** `count` little-endian float64 from value `first` on; undefined where the blob is too short. */
export function float64At(bytes: Uint8Array, first: number, count: number): Float64Array | undefined {
  if ((first + count) * 8 > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64((first + i) * 8, true));
}
