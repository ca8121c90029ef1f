import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import type { Settings__Output } from '@qfleet/shared/gen/qfleet/v1/Settings.ts';
import type { MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { settingsFacts } from '@qfleet/shared/result/settings-facts.ts';
import { expectEqual } from './result-mismatch.ts';

/** Whether a result was made under the settings that the job asked for; throws `invalid-argument`. */
export function checkSettings(got: MeasureFacts['settings'], asked: Settings__Output | null): void {
  const expected = settingsFacts(asked);
  for (const name of ['threads', 'batch', 'affinity', 'dimensions', 'providerOptions'] as const) {
    expectEqual(name, canonicalJson(expected[name]), canonicalJson(got[name]));
  }
}
