import type { Launch } from '../result/job-result.ts';
import { median } from '../statistics/median.ts';

/**
 * The one number of a launch by which variants are compared, nanoseconds; less is better. Single-stream and
 * fixed-rate: median latency. Multi-stream: median latency of a query. Offline: time per sample. Server: time per
 * query at the highest rate that kept the bound, which is 1/rate. Undefined where the launch has none, for example
 * because no rate kept the bound.
 */
export function launchFigure(
  scenario: string,
  launch: Pick<Launch, 'rateTrials' | 'timedWallNs' | 'timedSamples'>,
  samplesNs: Float64Array,
): number | undefined {
  if (scenario === 'server') {
    const passed = (launch.rateTrials ?? []).filter((trial) => trial.passed && trial.ratePerSec > 0);
    return passed.length > 0 ? 1e9 / Math.max(...passed.map((trial) => trial.ratePerSec)) : undefined;
  }
  if (scenario === 'offline') {
    const { timedWallNs, timedSamples } = launch;
    return timedWallNs && timedSamples ? timedWallNs / timedSamples : undefined;
  }
  return samplesNs.length > 0 ? median(samplesNs) : undefined;
}
