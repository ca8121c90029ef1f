/** The whole blob as little-endian float32; undefined unless it has exactly `length` values. */
export function float32Exactly(bytes: Uint8Array, length: number): Float32Array | undefined {
  if (bytes.byteLength !== length * 4) return undefined;
  const view = viewOf(bytes);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = view.getFloat32(i * 4, true);
  return values;
}

/** The best classes of every input, largest value first. */
export interface TopClasses {
  readonly k: number;
  /** Class indices, [inputs, k] row-major, and the outputs of those classes. */
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** A top-k blob; undefined unless it has exactly `inputs` entries. */
export function readTopK(bytes: Uint8Array, inputs: number, k: number): TopClasses | undefined {
  if (k < 1 || bytes.byteLength !== inputs * k * 8) return undefined;
  const view = viewOf(bytes);
  const indices = new Uint32Array(inputs * k);
  const values = new Float32Array(inputs * k);
  for (let input = 0; input < inputs; input++) {
    for (let rank = 0; rank < k; rank++) {
      indices[input * k + rank] = view.getUint32((input * 2 * k + rank) * 4, true);
      values[input * k + rank] = view.getFloat32((input * 2 * k + k + rank) * 4, true);
    }
  }
  return { k, indices, values };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
