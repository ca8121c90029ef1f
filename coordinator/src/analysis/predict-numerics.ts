import type { Reading } from '@qfleet/shared/reading.ts';
import type { VariantRecord } from '../artefacts/artefacts.ts';
import type { NumericPrediction } from './comparison.ts';

/** SQNR between places from which integer roundings explain the difference, dB. */
export const roundingDb = 30;

/** How the kernels of one place compute, by `numerics.…` capability. */
export type Kernels = Readonly<Record<string, string>>;

export interface NumericsEvidence {
  readonly record: Pick<VariantRecord, 'saturation' | 'format'> | undefined;
  readonly here: Kernels;
  readonly there: Kernels;
  /** `identical`, `different`, `not-compared`. */
  readonly outputs: string;
  /** Of the outputs between the two places. */
  readonly sqnr: Reading | undefined;
}

/**
 * Whether a variant will answer otherwise in one place than in another, from the numeric fingerprints of both and
 * from what its weights can do, before anything runs; and whether running it confirmed that. `differs` means beyond
 * what roundings explain (an SQNR under 30 dB), for float sums in another order alone change bits between processors.
 */
export function predictNumerics(evidence: NumericsEvidence): NumericPrediction {
  const expected = predict(evidence);
  const found = observe(evidence);
  if (expected.expects === 'unknown' || found === undefined) return { ...expected, outcome: 'open' };
  return { ...expected, outcome: found === expected.expects ? 'confirmed' : 'refuted' };
}

function predict({ record, here, there }: NumericsEvidence): Omit<NumericPrediction, 'outcome'> {
  if (!record) return { expects: 'unknown', why: 'the variant is not stored any more' };
  const cases = Object.keys(there).filter((key) => key.startsWith('numerics.') && key in here);
  if (cases.length === 0) return { expects: 'unknown', why: 'a place has no numeric fingerprint' };
  const differing = cases.filter((key) => here[key] !== there[key]);
  const isSaturating = differing.some((key) => here[key] === 'saturating' || there[key] === 'saturating');
  const atRisk = record.saturation?.channelsAtRisk;
  if (isSaturating && atRisk === undefined && usesBytes(record.format)) {
    return { expects: 'unknown', why: 'products saturate in one place, and the weights were never scanned' };
  }
  if (isSaturating && atRisk) {
    const why = `products saturate in one place alone, and ${atRisk} output channels of the variant can overflow there`;
    return { expects: 'differs', why };
  }
  const [unread] = record.saturation?.unknown ?? [];
  if (isSaturating && unread !== undefined)
    return {
      expects: 'unknown',
      why: `products saturate in one place, and weights could not be read (${unread})`,
    };
  const others = differing.filter((key) => here[key] !== 'saturating' && there[key] !== 'saturating');
  if (others.length > 0 && usesBytes(record.format)) {
    const names = others.map(
      (key) => `${key.slice('numerics.'.length)}: ${here[key]} here, ${there[key]} there`,
    );
    return { expects: 'differs', why: `the kernels compute otherwise (${names.join('; ')})` };
  }
  if (isSaturating)
    return { expects: 'same', why: 'products saturate in one place alone, but no channel can overflow' };
  return { expects: 'same', why: 'the kernels of both places gave equal answers to the fingerprint' };
}

function usesBytes(format: string): boolean {
  return format.includes('int8');
}

function observe({ outputs, sqnr }: NumericsEvidence): 'same' | 'differs' | undefined {
  if (outputs === 'identical') return 'same';
  if (!sqnr) return undefined;
  if (sqnr.status === 'unavailable') return sqnr.flags?.includes('identical') ? 'same' : undefined;
  return sqnr.value >= roundingDb ? 'same' : 'differs';
}
