import type { Report } from '../report/report.ts';

/**
 * Whether enough of a variant's multiply-accumulates ran on integers, `least` 0…1: one rule for the gate and for
 * `compat`. Where no profile tells, nothing is known, which is neither enough nor too little.
 */
export function judgeIntegerShare(
  { macShare, reason }: Pick<Report['compatibility'][number], 'macShare' | 'reason'>,
  least: number,
): { readonly outcome: 'passed' | 'failed' | 'skipped'; readonly detail: string } {
  if (macShare === undefined) {
    return { outcome: 'skipped', detail: `not known: ${reason ?? 'no layer was recognised'}` };
  }
  const detail = `${(100 * macShare).toFixed(1)} % of MACs, at least ${100 * least} %`;
  return { outcome: macShare >= least ? 'passed' : 'failed', detail };
}
