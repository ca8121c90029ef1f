import type { Load__Output } from '@qfleet/shared/gen/qfleet/v1/Load.ts';
import type { VariantRef__Output } from '@qfleet/shared/gen/qfleet/v1/VariantRef.ts';
import type { ExpandedPlan } from './expand-plan.ts';
import type { Scenario } from './scenario.ts';

/** What a scenario offers, as the wire says it: 0 where a field means nothing to it. */
export function planLoad(
  scenario: Scenario,
  plan: Pick<ExpandedPlan, 'backgroundProcesses' | 'seed'>,
  companions: readonly VariantRef__Output[],
): Load__Output {
  return {
    samplesPerQuery: scenario.scenario === 'multi-stream' ? scenario.samplesPerQuery : 1,
    targetRatePerSec: scenario.scenario === 'server' ? (scenario.ratePerSec ?? 0) : 0,
    latencyBoundNs: scenario.scenario === 'server' ? Math.round(scenario.boundMs * 1e6) : 0,
    percentile: scenario.scenario === 'server' ? scenario.percentile : 0,
    frameRatePerSec: scenario.scenario === 'fixed-rate' ? scenario.framesPerSec : 0,
    // The same arrivals everywhere: devices and variants meet the same bursts.
    scheduleSeed: plan.seed % 2 ** 32,
    backgroundProcesses: plan.backgroundProcesses,
    companions: [...companions],
  };
}
