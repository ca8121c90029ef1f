import { type Reading, readingValue } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';
import type { PlaceComparison, TransferVerdict } from './comparison.ts';
import { intervalOf, speedUpRatio } from './speed-up-ratio.ts';

/** Margins within which a variant counts as behaving alike elsewhere. */
export interface TransferMargins {
  /** Of accuracy, percentage points. */
  readonly accuracyPoints: number;
  /** Of the speed-up over fp32, as a share: 0.1 is within 10 %. */
  readonly speedUp: number;
}

export const defaultTransferMargins: TransferMargins = { accuracyPoints: 1, speedUp: 0.1 };

/** Where there are no labels: flips of its own that a variant may have, share of inputs. */
const maxOwnFlips = 0.01;

/** What one side of the question came to. */
type Part = { readonly word: 'same' | 'worse' | 'unclear'; readonly why: string };

export interface TransferEvidence {
  readonly comparison: Pick<PlaceComparison, 'readings' | 'prediction'>;
  /** The variant's cells here and in the reference place. */
  readonly here: Cell | undefined;
  readonly there: Cell | undefined;
  readonly margins?: TransferMargins;
  /** Why it is not faster here, where that is known. */
  readonly whyNotFaster?: readonly string[];
}

/**
 * Whether what a variant did in the reference place can be expected here: in numerics (accuracy within the margin by an
 * interval, else its own flips) and in speed (its speed-up over fp32 within the margin by an interval). `transfers`
 * takes both shown; `transfers with loss` right answers with less speed-up; `does not transfer` answers that are shown
 * to be worse. What was not shown either way cannot be said: "not different" is not "transfers".
 */
export function judgeTransfer(evidence: TransferEvidence): TransferVerdict {
  const numerics = judgeNumerics(evidence);
  const speed = judgeSpeed(evidence);
  const whyNotFaster = speed.word === 'worse' ? (evidence.whyNotFaster ?? []) : [];
  const reasons = [numerics.why, speed.why, ...whyNotFaster];
  const verdict = (word: TransferVerdict['verdict'], decisive: string[]): TransferVerdict => ({
    verdict: word,
    reasons,
    decisive,
  });
  if (numerics.word === 'worse') return verdict('does not transfer', [numerics.why]);
  if (numerics.word === 'unclear') return verdict('cannot be said', [numerics.why]);
  if (speed.word === 'worse') return verdict('transfers with loss', [speed.why, ...whyNotFaster]);
  if (speed.word === 'same') return verdict('transfers', [numerics.why, speed.why]);
  return verdict('cannot be said', [speed.why]);
}

function judgeNumerics({ comparison, margins = defaultTransferMargins }: TransferEvidence): Part {
  const saturates = comparison.prediction.expects === 'differs' ? `; ${comparison.prediction.why}` : '';
  const difference = intervalOf(comparison.readings['transfer.accuracy.difference']);
  if (difference) {
    const { low, high, value } = difference;
    const margin = margins.accuracyPoints;
    const said = `accuracy ${signed(-value)} points [${signed(-high)}, ${signed(-low)}]`;
    if (low > 0 && value > margin)
      return { word: 'worse', why: `${said}, beyond the margin of ${margin}${saturates}` };
    if (low > -margin && high < margin) return { word: 'same', why: `${said}, within ${margin}` };
    return { word: 'unclear', why: `${said}: too wide for a margin of ${margin}` };
  }
  const flips = intervalOf(comparison.readings['transfer.flips.top1.variant']);
  if (flips) {
    const said = `${percent(flips.value)} of the answers flip where fp32 agrees [${percent(flips.low)}, ${percent(flips.high)}]`;
    if (flips.low > maxOwnFlips) return { word: 'worse', why: `${said}${saturates}` };
    if (flips.high <= maxOwnFlips) return { word: 'same', why: said };
    return { word: 'unclear', why: `${said}: too few inputs for a limit of ${percent(maxOwnFlips)}` };
  }
  const reading = comparison.readings['transfer.accuracy.difference'];
  return { word: 'unclear', why: `answers were not compared (${reasonOf(reading)})` };
}

function judgeSpeed({ here, there, margins = defaultTransferMargins }: TransferEvidence): Part {
  const trusted = [here, there].every((cell) => cell?.timing.verdict === 'trusted');
  const [a, b] = [here?.readings['speedup'], there?.readings['speedup']];
  const ratio = speedUpRatio(a, b);
  if (!ratio) {
    const missing = intervalOf(a) ? b : a;
    return { word: 'unclear', why: `speed was not compared (${reasonOf(missing)})` };
  }
  const { value, low, high } = ratio;
  const said = `speed-up ${shown(a)} here, ${shown(b)} there, ratio ${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  if (!trusted) return { word: 'unclear', why: `${said}, of timings that are not trusted` };
  const limit = 1 + margins.speedUp;
  if (high < 1 / limit) return { word: 'worse', why: said };
  // More speed-up than there is no reason to doubt it.
  return low > 1 / limit ? { word: 'same', why: said } : { word: 'unclear', why: `${said}: too wide` };
}

function shown(reading: Reading | undefined): string {
  return readingValue(reading)!.toFixed(2);
}

function reasonOf(reading: Reading | undefined): string {
  if (reading?.status === 'unavailable') return reading.reason;
  return reading ? 'no-interval' : 'not-reported';
}

function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${points.toFixed(2)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
