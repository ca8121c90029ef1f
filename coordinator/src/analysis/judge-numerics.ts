import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { type NumericsVerdict, type NumericsVerdictWord, numericsVerdicts } from './cell.ts';
import type { JobFacts } from './collect-cells.ts';

type Reason = NumericsVerdict['reasons'][number];

/**
 * Whether a cell's outputs can be compared: all planned inputs evaluated, all outputs finite, equal bytes when
 * run twice, and the same final input bytes as everywhere else. `others`: the facts of all evaluations of the
 * run over the same model and dataset.
 */
export function judgeNumerics(
  evaluation: JobFacts<EvaluateFacts> | undefined,
  others: readonly EvaluateFacts[],
  whyNone: string,
): NumericsVerdict {
  const facts = evaluation?.facts;
  if (!facts) {
    return { verdict: 'missing', complete: false, reasons: [{ code: 'missing', detail: whyNone }] };
  }
  const planned = evaluation.job.spec.evaluate?.inputs?.count ?? facts.count;
  const repeatable = facts.repeat.count > 0 ? facts.repeat.identical : undefined;
  const sameInputs = hasSameInputs(facts, others);
  const reasons: Reason[] = [];
  if (sameInputs === false) {
    const detail = `the digest of the input bytes differs from that of other places at n = ${facts.count}`;
    reasons.push({ code: 'inputs-differ', detail });
  }
  if (facts.nonFiniteInputs > 0) {
    const detail = `${facts.nonFiniteInputs} of ${facts.count} inputs gave NaN or an infinity`;
    reasons.push({ code: 'non-finite', detail });
  }
  if (facts.count < planned) {
    reasons.push({ code: 'incomplete', detail: `${facts.count} of ${planned} inputs were evaluated` });
  }
  if (repeatable === false) {
    const detail = `a second run over ${facts.repeat.count} inputs gave other bytes`;
    reasons.push({ code: 'not-repeatable', detail });
  }
  const severity = (code: NumericsVerdictWord): number => numericsVerdicts.indexOf(code);
  reasons.sort((a, b) => severity(b.code) - severity(a.code));
  return {
    verdict: reasons[0]?.code ?? 'sound',
    complete: facts.count >= planned && facts.nonFiniteInputs === 0,
    ...(repeatable !== undefined && { repeatable }),
    ...(sameInputs !== undefined && { sameInputs }),
    reasons,
  };
}

/** Undefined where no other evaluation took as many inputs; else whether most of those agree with this one. */
function hasSameInputs(facts: EvaluateFacts, others: readonly EvaluateFacts[]): boolean | undefined {
  const peers = others.filter(
    (other) => other !== facts && other.count === facts.count && other.datasetDigest === facts.datasetDigest,
  );
  if (peers.length === 0) return undefined;
  const agreeing = peers.filter((other) => other.inputDigest === facts.inputDigest).length;
  return agreeing * 2 >= peers.length;
}
