import { QfleetError } from '@qfleet/shared/errors.ts';
import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import { isScenario, scenarios } from '@qfleet/shared/loadgen/scenarios.ts';
import type { OfferedLoad } from '../runner/protocol.ts';

/** LoadGen's samples of a multi-stream query. */
const multiStreamSamples = 8;
/** LoadGen's percentile of a server's latency. */
const serverPercentile = 0.99;

/**
 * The load of a job, its defaults filled in. Throws `unsupported` for a scenario that this agent does not know, and
 * `invalid-argument` where a server has no bound or frames no rate.
 */
export function resolveLoad(job: Pick<MeasureJob__Output, 'scenario' | 'load'>): OfferedLoad {
  const { scenario, load } = job;
  if (!isScenario(scenario)) {
    throw new QfleetError(
      'unsupported',
      `This agent knows the scenarios ${scenarios.join(', ')}, got "${scenario}".`,
      { hint: 'Update the agent.' },
    );
  }
  const resolved: OfferedLoad = {
    scenario,
    samplesPerQuery: load?.samplesPerQuery || (scenario === 'multi-stream' ? multiStreamSamples : 1),
    targetRatePerSec: load?.targetRatePerSec ?? 0,
    latencyBoundNs: load?.latencyBoundNs ?? 0,
    percentile: load?.percentile || serverPercentile,
    frameRatePerSec: load?.frameRatePerSec ?? 0,
    scheduleSeed: load?.scheduleSeed ?? 0,
  };
  if (scenario === 'server' && !(resolved.latencyBoundNs > 0 && resolved.percentile < 1)) {
    throw new QfleetError(
      'invalid-argument',
      'The scenario server needs a latency bound and a percentile below 1.',
    );
  }
  if (scenario === 'fixed-rate' && !(resolved.frameRatePerSec > 0)) {
    throw new QfleetError('invalid-argument', 'The scenario fixed-rate needs a frame rate.');
  }
  return resolved;
}
