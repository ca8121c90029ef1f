import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import type { EvaluatedOutputs } from './read-outputs.ts';

/**
 * Why the outputs of an evaluation must not be used, as a reason, or undefined where nothing contradicts anything.
 * A device that got one of these wrong is not believed the others either: a count beyond what was asked for would
 * make it the reference of all places. `planned`: inputs that the job asked for.
 */
export function findBadOutputs(outputs: EvaluatedOutputs, planned: number | undefined): string | undefined {
  const { facts, comparison } = outputs;
  const problem =
    findBadCount(facts, planned) ||
    findBadClasses(outputs) ||
    (facts.comparison.count > 0 &&
      !comparison &&
      'the blob of raw outputs is gone, or has another length than its counts say');
  return problem ? `bad-evidence: ${problem}` : undefined;
}

function findBadClasses({ facts, bestClasses, classes }: EvaluatedOutputs): string | undefined {
  if (!facts.topK) return undefined;
  if (!bestClasses) return 'the top-k blob is gone, or has another length than its counts say';
  const wrong = bestClasses.indices.find((index) => index >= classes);
  return wrong === undefined ? undefined : `class ${wrong} among the best of ${classes}`;
}

function findBadCount(facts: EvaluateFacts, planned: number | undefined): string | undefined {
  const { count, nonFiniteInputs, comparison, repeat } = facts;
  if (planned !== undefined && count > planned) return `${count} inputs evaluated, ${planned} were asked for`;
  const parts = {
    'inputs with a NaN or an infinity': nonFiniteInputs,
    'inputs with raw outputs': comparison.count,
    'inputs run twice': repeat.count,
  };
  const wrong = Object.entries(parts).find(([, part]) => part > count);
  return wrong && `${wrong[1]} ${wrong[0]}, ${count} were evaluated`;
}
