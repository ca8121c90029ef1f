import type { Random } from '@qfleet/shared/random.ts';
import { bootstrapInterval } from '@qfleet/shared/statistics/bootstrap-interval.ts';
import type { Interval } from '@qfleet/shared/statistics/interval.ts';
import type { Outputs } from './evaluate-file.ts';

/** How near a file's outputs are to the float32 model's, image by image. */
export interface OutputQuality {
  /** Σx² and Σ(x−y)² per output and image: what `OutputNoise` adds up. */
  readonly signal: readonly Float64Array[];
  readonly noise: readonly Float64Array[];
  /** 1 where the largest value of the first output is at the same place as the model's, else 0. */
  readonly agrees: Uint8Array;
}

/** Throws RangeError where a file has other outputs than the model. */
export function judgeOutputs(reference: Outputs, found: Outputs): OutputQuality {
  const outputCount = reference[0]?.length ?? 0;
  const fill = (): Float64Array[] =>
    Array.from({ length: outputCount }, () => new Float64Array(reference.length));
  const [signal, noise] = [fill(), fill()];
  const agrees = new Uint8Array(reference.length);
  for (const [i, expected] of reference.entries()) {
    for (const [o, x] of expected.entries()) {
      const y = found[i]![o]!;
      if (x.length !== y.length) throw new RangeError(`Output ${o} has ${y.length} values, not ${x.length}.`);
      for (let k = 0; k < x.length; k++) {
        signal[o]![i]! += x[k]! ** 2;
        noise[o]![i]! += (x[k]! - y[k]!) ** 2;
      }
    }
    agrees[i] = argmax(expected[0]!) === argmax(found[i]![0]!) ? 1 : 0;
  }
  return { signal, noise, agrees };
}

/** Over all images and values, of the output that differs most, dB; over the images drawn where given. */
export function sqnrDb({ signal, noise }: OutputQuality, drawn?: Uint32Array): number {
  const each = signal.map(
    (values, output) => 10 * Math.log10(sum(values, drawn) / sum(noise[output]!, drawn)),
  );
  return Math.min(...each);
}

/** Share of images, 0…1. */
export function agreement({ agrees }: OutputQuality, drawn?: Uint32Array): number {
  return sum(agrees, drawn) / (drawn?.length ?? agrees.length);
}

/** A difference of two files on the same images. */
export interface QualityDifference {
  readonly value: number;
  readonly interval: Interval | undefined;
}

/** `ours` minus `theirs` by one measure; the interval resamples images, the same for both. */
export function compareQuality(
  measure: (quality: OutputQuality, drawn?: Uint32Array) => number,
  { ours, theirs }: { readonly ours: OutputQuality; readonly theirs: OutputQuality },
  random: Random,
): QualityDifference {
  const interval = bootstrapInterval({
    groupSizes: [ours.agrees.length],
    statistic: ([drawn]) => measure(ours, drawn) - measure(theirs, drawn),
    random,
  });
  return {
    value: measure(ours) - measure(theirs),
    interval: interval && { ...interval, method: 'bootstrap-images-expanded-percentile' },
  };
}

function sum(values: ArrayLike<number>, drawn?: Uint32Array): number {
  let total = 0;
  if (drawn) for (const index of drawn) total += values[index]!;
  else for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
