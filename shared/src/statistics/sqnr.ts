/** Signal-to-noise of one output set against another, over finite values. */
export interface Sqnr {
  /** Equal bit for bit (−0 and 0 differ); the ratio is infinite then, which JSON cannot say. */
  readonly identical: boolean;
  /** 20·log10(‖x‖ / ‖x − y‖), dB; absent where identical, where x is all zero, or where a value is not finite. */
  readonly db: number | undefined;
  /** Why there is no ratio, a code and words. */
  readonly reason?: string;
}

/**
 * Signal-to-quantization-noise ratio of `actual` (y) against `reference` (x), float32 of equal length, in dB:
 * 20·log10(‖x‖₂ / ‖x − y‖₂), summed in float64. The definition of ONNX Runtime's `qdq_loss_debug.py`. Throws
 * RangeError on unequal lengths.
 */
export function sqnr(reference: Float32Array, actual: Float32Array): Sqnr {
  if (reference.length !== actual.length) {
    throw new RangeError(`Expected equal lengths, got ${reference.length} and ${actual.length}.`);
  }
  if (bitsEqual(reference, actual)) {
    return { identical: true, db: undefined, reason: 'identical: equal bit for bit, the ratio is infinite' };
  }
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    signal += reference[i]! ** 2;
    noise += (reference[i]! - actual[i]!) ** 2;
  }
  const reason = whyUndefined(signal, noise);
  if (reason) return { identical: false, db: undefined, reason };
  return { identical: false, db: 10 * Math.log10(signal / noise) };
}

function whyUndefined(signal: number, noise: number): string | undefined {
  if (!Number.isFinite(signal) || !Number.isFinite(noise)) return 'not-finite: an output is NaN or infinite';
  if (signal === 0) return 'no-signal: the reference outputs are all zero';
  if (noise === 0) return 'equal-values: the outputs differ only in the sign of zeros';
  return undefined;
}

function bitsEqual(a: Float32Array, b: Float32Array): boolean {
  const left = new Uint32Array(a.buffer, a.byteOffset, a.length);
  const right = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return left.every((bits, index) => bits === right[index]);
}
