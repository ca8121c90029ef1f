import { roundHalfEven } from '@qfleet/shared/round-half-even.ts';

export interface BlockOptions {
  /** Weights along K that share a scale; a power of two from 16 on. */
  readonly blockSize: number;
  /** Symmetric: the zero point is 8 everywhere, and not stored. */
  readonly isSymmetric: boolean;
}

/** Weights of MatMulNBits, 4 bits: w ≈ scale * (q - zeroPoint), q and zero points in 0…15. */
export interface BlockWeights {
  /** `[N, blocks, blockSize / 2]`, two per byte, the first in the low nibble; the end of K is filled with 0. */
  readonly packed: Uint8Array;
  /** `[N, blocks]` */
  readonly scales: Float32Array;
  /** `[N, ceil(blocks / 2)]`, packed alike; undefined where all are 8. */
  readonly zeroPoints: Uint8Array | undefined;
  readonly blocks: number;
}

const largestCode = 15;
const middleCode = 8;
/** Smallest normal float32: a smaller scale counts as none. */
const smallestNormal = 2 ** -126;

/**
 * Rounds a matrix [K, N] to 4 bits in blocks along K, to nearest. Asymmetric: the block's range, widened to
 * hold 0, over 15 steps. Symmetric: the value of largest magnitude becomes -8, so that all 16 codes are used and
 * a scale may be negative. Both as ONNX Runtime's own quantizer has it (mlas/lib/q4_dq.cpp).
 */
export function quantizeBlocks(
  matrix: Float32Array,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  options: BlockOptions,
): BlockWeights {
  const { blockSize, isSymmetric } = options;
  const blocks = Math.ceil(rows / blockSize);
  const packed = new Uint8Array((columns * blocks * blockSize) / 2);
  const scales = new Float32Array(columns * blocks);
  const zeroPoints = new Uint8Array(columns * Math.ceil(blocks / 2));
  for (let column = 0; column < columns; column++) {
    for (let block = 0; block < blocks; block++) {
      const values = readBlock(matrix, { rows, columns, column, start: block * blockSize, blockSize });
      const { scale, zeroPoint } = isSymmetric ? symmetricScale(values) : asymmetricScale(values);
      const at = column * blocks + block;
      scales[at] = scale;
      packNibble(zeroPoints, column * Math.ceil(blocks / 2) * 2 + block, zeroPoint);
      for (let i = 0; i < blockSize; i++) {
        packNibble(packed, at * blockSize + i, encode(values[i]!, scale, zeroPoint));
      }
    }
  }
  return { packed, scales, zeroPoints: isSymmetric ? undefined : zeroPoints, blocks };
}

/** Bytes that `quantizeBlocks` makes of a matrix [K, N]. */
export function countBlockBytes(rows: number, columns: number, options: BlockOptions): number {
  const blocks = Math.ceil(rows / options.blockSize);
  const zeroPoints = options.isSymmetric ? 0 : Math.ceil(blocks / 2);
  return columns * (blocks * (options.blockSize / 2 + 4) + zeroPoints);
}

/** One block of a column; what lies beyond K is 0. */
function readBlock(
  matrix: Float32Array,
  at: {
    readonly rows: number;
    readonly columns: number;
    readonly column: number;
    readonly start: number;
    readonly blockSize: number;
  },
): Float32Array {
  const values = new Float32Array(at.blockSize);
  const end = Math.min(at.blockSize, at.rows - at.start);
  for (let i = 0; i < end; i++) values[i] = matrix[(at.start + i) * at.columns + at.column]!;
  return values;
}

function asymmetricScale(values: Float32Array): { scale: number; zeroPoint: number } {
  let [low, high] = [0, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = Math.fround((high - low) / largestCode);
  if (scale < smallestNormal) return { scale: 1, zeroPoint: 0 };
  return { scale, zeroPoint: clampCode(roundHalfEven(-low / scale)) };
}

function symmetricScale(values: Float32Array): { scale: number; zeroPoint: number } {
  let extreme = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  const scale = Math.fround(-extreme / middleCode);
  return { scale: Math.abs(scale) < smallestNormal ? 1 : scale, zeroPoint: middleCode };
}

function encode(value: number, scale: number, zeroPoint: number): number {
  return clampCode(roundHalfEven(value / scale) + zeroPoint);
}

function clampCode(code: number): number {
  return Math.max(0, Math.min(largestCode, code));
}

/** Sets 4 bits that are still 0. */
function packNibble(bytes: Uint8Array, index: number, code: number): void {
  bytes[index >> 1]! |= code << (4 * (index & 1));
}
