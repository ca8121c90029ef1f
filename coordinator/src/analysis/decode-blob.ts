/** The whole blob as little-endian float32; undefined unless it has exactly `length` values. */
export function float32Exactly(bytes: Uint8Array, length: number): Float32Array | undefined {
  if (bytes.byteLength !== length * 4) return undefined;
  const view = viewOf(bytes);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = view.getFloat32(i * 4, true);
  return values;
}

/** Class indices of a top-k blob, [inputs, k] row-major; undefined unless it has exactly `inputs` entries. */
export function topKIndices(bytes: Uint8Array, inputs: number, k: number): Uint32Array | undefined {
  if (k < 1 || bytes.byteLength !== inputs * k * 8) return undefined;
  const view = viewOf(bytes);
  const indices = new Uint32Array(inputs * k);
  for (let input = 0; input < inputs; input++) {
    for (let rank = 0; rank < k; rank++) {
      indices[input * k + rank] = view.getUint32((input * 2 * k + rank) * 4, true);
    }
  }
  return indices;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
