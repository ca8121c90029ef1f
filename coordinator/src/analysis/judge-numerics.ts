import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { type NumericsVerdict, type NumericsVerdictWord, numericsVerdicts } from './cell.ts';
import type { JobFacts } from './collect-cells.ts';

type Reason = NumericsVerdict['reasons'][number];

export interface NumericsContext {
  /** Of all evaluations of the run. */
  readonly inputs: InputCensus;
  /** Inputs of the model that were fed zeros, since the dataset has one tensor for each item. */
  readonly zeroInputs: readonly string[];
  /** Why there are no outputs, where there are none. */
  readonly whyNone: string;
}

/**
 * Whether a cell's outputs can be compared: all planned inputs evaluated, all inputs of the model fed with data, all
 * outputs finite, equal bytes when run twice, and the same final input bytes as everywhere else.
 */
export function judgeNumerics(
  evaluation: JobFacts<EvaluateFacts> | undefined,
  { inputs, zeroInputs, whyNone }: NumericsContext,
): NumericsVerdict {
  const facts = evaluation?.facts;
  if (!facts) {
    return { verdict: 'missing', complete: false, reasons: [{ code: 'missing', detail: whyNone }] };
  }
  const planned = evaluation.job.spec.evaluate?.inputs?.count ?? facts.count;
  const repeatable = facts.repeat.count > 0 ? facts.repeat.identical : undefined;
  const sameInputs = hasSameInputs(facts, inputs);
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
  if (zeroInputs.length > 0) {
    const detail = `${zeroInputs.join(', ')} ${zeroInputs.length === 1 ? 'was' : 'were'} fed zeros: the outputs are those of a network that is not used so`;
    reasons.push({ code: 'partly-fed', detail });
  }
  if (repeatable === false) {
    const detail = `a second run over ${facts.repeat.count} inputs gave other bytes`;
    reasons.push({ code: 'not-repeatable', detail });
  }
  const severity = (code: NumericsVerdictWord): number => numericsVerdicts.indexOf(code);
  reasons.sort((a, b) => severity(b.code) - severity(a.code));
  return {
    verdict: reasons[0]?.code ?? 'sound',
    complete: facts.count >= planned && facts.nonFiniteInputs === 0 && zeroInputs.length === 0,
    ...(repeatable !== undefined && { repeatable }),
    ...(sameInputs !== undefined && { sameInputs }),
    reasons,
  };
}

/** How many evaluations of as many inputs of one dataset there are, and of each digest of the input bytes. */
export type InputCensus = ReadonlyMap<
  string,
  { readonly evaluations: number; readonly byDigest: ReadonlyMap<string, number> }
>;

/** Counts the evaluations of a run by what they were fed; each is to be given once. */
export function countInputs(evaluations: readonly EvaluateFacts[]): InputCensus {
  return new Map(
    [...Map.groupBy(evaluations, censusKey)].map(([key, group]) => {
      const digests = Map.groupBy(group, ({ inputDigest }) => inputDigest);
      const byDigest = new Map([...digests].map(([digest, same]) => [digest, same.length]));
      return [key, { evaluations: group.length, byDigest }];
    }),
  );
}

function censusKey({ datasetDigest, count }: EvaluateFacts): string {
  return `${datasetDigest} ${count}`;
}

/** Undefined where no other evaluation took as many inputs; else whether at least half of those agree with this one. */
function hasSameInputs(facts: EvaluateFacts, inputs: InputCensus): boolean | undefined {
  const alike = inputs.get(censusKey(facts));
  const others = (alike?.evaluations ?? 0) - 1;
  if (others <= 0) return undefined;
  const agreeing = (alike!.byDigest.get(facts.inputDigest) ?? 0) - 1;
  return agreeing * 2 >= others;
}
