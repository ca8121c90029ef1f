import type { Scenario } from '@qfleet/shared/loadgen/scenarios.ts';
import type { LoadPattern, LoadTarget, PatternTimings, TimingLimits } from './load-pattern.ts';
import type { OfferedLoad } from './protocol.ts';
import { timeFixedRate } from './time-fixed-rate.ts';
import { timeOffline } from './time-offline.ts';
import { timeServer } from './time-server.ts';
import { timeStream } from './time-stream.ts';

const patterns: Readonly<Record<Scenario, LoadPattern>> = {
  'single-stream': timeStream,
  'multi-stream': timeStream,
  server: timeServer,
  offline: timeOffline,
  'fixed-rate': timeFixedRate,
};

export interface TimedSection extends PatternTimings {
  /** User and system time of this process, all threads. */
  readonly cpuTimeNs: number;
  readonly involuntarySwitches: number;
}

/** The timed section of a launch: offers the scenario's load to the target. */
export async function timeLoad(
  target: LoadTarget,
  load: OfferedLoad,
  limits: TimingLimits,
): Promise<TimedSection> {
  const resourcesBefore = process.resourceUsage();
  const timings = await patterns[load.scenario](target, load, limits);
  const resourcesAfter = process.resourceUsage();
  const cpuTimeUs =
    resourcesAfter.userCPUTime -
    resourcesBefore.userCPUTime +
    (resourcesAfter.systemCPUTime - resourcesBefore.systemCPUTime);
  return {
    ...timings,
    cpuTimeNs: cpuTimeUs * 1000,
    involuntarySwitches:
      resourcesAfter.involuntaryContextSwitches - resourcesBefore.involuntaryContextSwitches,
  };
}
