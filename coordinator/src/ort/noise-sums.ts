import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';

/** What is left of comparing two tensors; sums of several inputs add up. */
export interface NoiseSums {
  /** Σx² over the reference. */
  readonly signal: number;
  /** Σ(x - y)² */
  readonly noise: number;
  /** Values that are NaN or infinite where the reference's are not. */
  readonly nonFinite: number;
  /** Values that differ at all, and values compared. */
  readonly different: number;
  readonly count: number;
}

interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

export const noNoise: NoiseSums = { signal: 0, noise: 0, nonFinite: 0, different: 0, count: 0 };

/** Compares two tensors of equal length; integers stand for scale * (q - zeroPoint) where a scale is given. */
export function measureNoise(
  reference: TensorData,
  candidate: TensorData,
  { referenceScale, candidateScale }: { referenceScale?: Affine; candidateScale?: Affine } = {},
): NoiseSums {
  let [signal, noise, nonFinite, different] = [0, 0, 0, 0];
  const [a, b] = [referenceScale ?? identity, candidateScale ?? identity];
  for (let i = 0; i < reference.length; i++) {
    const x = a.scale * (Number(reference[i]) - a.zeroPoint);
    const y = b.scale * (Number(candidate[i]) - b.zeroPoint);
    if (Number.isFinite(x) && !Number.isFinite(y)) nonFinite++;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    signal += x * x;
    noise += (x - y) ** 2;
    if (x !== y) different++;
  }
  return { signal, noise, nonFinite, different, count: reference.length };
}

export function addNoise(a: NoiseSums, b: NoiseSums): NoiseSums {
  return {
    signal: a.signal + b.signal,
    noise: a.noise + b.noise,
    nonFinite: a.nonFinite + b.nonFinite,
    different: a.different + b.different,
    count: a.count + b.count,
  };
}

/**
 * Signal-to-quantization-noise ratio, 10 * log10(Σx² / Σ(x - y)²), dB: the definition of ONNX Runtime's
 * `qdq_loss_debug.py`. `Infinity` where nothing differs, -Infinity where the reference is all 0 and the other is not.
 */
export function sqnrOf({ signal, noise }: NoiseSums): number {
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

const identity: Affine = { scale: 1, zeroPoint: 0 };
