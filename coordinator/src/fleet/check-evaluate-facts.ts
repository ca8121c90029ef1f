import type { EvaluateJob__Output } from '@qfleet/shared/gen/qfleet/v1/EvaluateJob.ts';
import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { checkSettings } from './check-settings.ts';
import { expectAtMost, expectEqual } from './result-mismatch.ts';

/** Whether an evaluation is of what was asked for, and its counts fit each other; throws `invalid-argument`. */
export function checkEvaluateFacts(facts: EvaluateFacts, asked: EvaluateJob__Output): void {
  expectEqual('backend', asked.backend, facts.backend.id);
  expectEqual('variant', asked.variant?.digest, facts.variantDigest);
  checkSettings(facts.settings, asked.settings);
  if (asked.inputs) {
    expectEqual('dataset', asked.inputs.datasetDigest, facts.datasetDigest);
    expectAtMost('inputs', asked.inputs.count, facts.count);
  }
  expectAtMost(
    'inputs with raw outputs',
    Math.min(asked.comparisonCount, facts.count),
    facts.comparison.count,
  );
  expectAtMost('inputs run twice', Math.min(asked.repeatCount, facts.count), facts.repeat.count);
  expectAtMost('inputs with outputs that are no finite numbers', facts.count, facts.nonFiniteInputs);
  if (facts.topK) expectAtMost('best classes of an input', asked.topK, facts.topK.k);
}
