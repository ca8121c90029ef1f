import type { Environment } from '../result/job-result.ts';
import { minLaunchesToJudge } from '../statistics/compare-launches.ts';
import { relativeDrift } from '../statistics/drift.ts';
import { mean } from '../statistics/mean.ts';
import { median } from '../statistics/median.ts';
import { standardDeviation } from '../statistics/standard-deviation.ts';
import { theilSenSlope } from '../statistics/theil-sen.ts';
import { elapsedBetween } from './elapsed-between.ts';
import { isPlausible } from './is-plausible.ts';
import type { TimedLaunch } from './timed-launch.ts';
import { type TimingVerdict, type TimingVerdictWord, timingVerdicts } from './timing-verdicts.ts';

/** Coefficient of variation of the launch medians above which a cell is noisy; twice trtexec's 2.5 % for queries, since launches differ by more. */
export const maxLaunchVariation = 0.05;
/** Drift over all launches, and within a launch (last third over first third), above which a cell is noisy. */
export const maxDrift = 0.03;
/** Share of processor time that the hypervisor took, above which a cell is contended. */
export const maxStealShare = 0.01;
/** Share of processor time that other processes took, above which a cell is contended. */
export const maxOtherShare = 0.05;
/** Share of the time in which some task waited for a processor, above which a cell is contended. */
export const maxPressureShare = 0.1;
/** Share of the time in which a control group's quota held processes back, above which a cell is throttled. */
export const maxQuotaShare = 0.01;
/** A frequency below this share of what the first launches had is a throttled one. */
export const minFrequencyShare = 0.9;
/** Shortest observation from which shares of processor time are judged: 50 ticks. */
const minObservedMs = 500;

/** One tick of /proc/stat, nanoseconds. */
const tickNs = 1e7;
/** `get_throttled`: under-voltage, frequency capped, throttled, soft temperature limit, now; the same since boot, 16 bits up. */
const throttledNowBits = 0xf;
const throttledSinceBootBits = 0xf0000;

type Reason = TimingVerdict['reasons'][number];

/**
 * Whether a cell's latencies can be trusted, with every reason why not, worst first. `whyNone` says why there
 * are no launches at all, where there are none.
 */
export function judgeTiming(options: {
  readonly launches: readonly TimedLaunch[];
  readonly failures: readonly string[];
  readonly emulatedBy: string | undefined;
  readonly whyNone: string | undefined;
  readonly processors: number | undefined;
  readonly threadsUsed: number | undefined;
  /** Other processes compute meanwhile because the load says so. */
  readonly isLoadedOnPurpose?: boolean;
}): TimingVerdict {
  const { launches, failures, emulatedBy } = options;
  if (emulatedBy !== undefined) {
    const detail = `the processor is emulated by ${emulatedBy}, so that times mean nothing`;
    return { verdict: 'emulated', reasons: [{ code: 'emulated', detail }] };
  }
  const reasons: (Reason | undefined)[] = [
    judgeCount(launches, failures, options.whyNone),
    ...judgeContention(launches, options),
    ...judgeThrottling(launches),
    ...judgeNoise(launches),
  ];
  const found = reasons.filter((reason) => reason !== undefined);
  const severity = (code: TimingVerdictWord): number => timingVerdicts.indexOf(code);
  const sorted = found.toSorted((a, b) => severity(b.code) - severity(a.code));
  return { verdict: sorted[0]?.code ?? 'trusted', reasons: sorted };
}

function judgeCount(
  launches: readonly TimedLaunch[],
  failures: readonly string[],
  whyNone: string | undefined,
): Reason | undefined {
  if (launches.length >= minLaunchesToJudge) return undefined;
  if (launches.length === 0 && whyNone !== undefined) return { code: 'insufficient', detail: whyNone };
  const failed = failures.length > 0 ? `; ${failures.length} failed, first: ${failures[0]}` : '';
  return { code: 'insufficient', detail: `${launches.length} of ${minLaunchesToJudge} launches${failed}` };
}

function judgeNoise(launches: readonly TimedLaunch[]): (Reason | undefined)[] {
  if (launches.length < 2) return [];
  const medians = launches.map((launch) => launch.figureNs);
  const variation = standardDeviation(medians) / mean(medians);
  const drift = (theilSenSlope(medians) * (medians.length - 1)) / median(medians);
  // A queue fills and drains: latencies of a server drift without anything being wrong.
  const served = launches.filter(({ launch }) => launch.rateTrials === undefined);
  const drifting = served.filter((launch) => Math.abs(relativeDrift(launch.samplesNs) ?? 0) > maxDrift);
  const unsteady = launches.filter(({ launch }) => launch.steady === false);
  return [
    noisyIf(
      variation > maxLaunchVariation,
      `launch medians vary by ${percent(variation)} (coefficient of variation, limit ${percent(maxLaunchVariation)})`,
    ),
    noisyIf(
      Math.abs(drift) > maxDrift && variation > maxDrift,
      `launch medians drift by ${percent(drift)} over the job (limit ${percent(maxDrift)})`,
    ),
    noisyIf(
      drifting.length * 2 > launches.length,
      `latency drifts by more than ${percent(maxDrift)} within ${drifting.length} of ${launches.length} launches`,
    ),
    noisyIf(
      unsteady.length * 2 > launches.length,
      `the warm-up did not reach a steady state in ${unsteady.length} of ${launches.length} launches`,
    ),
  ];
}

function noisyIf(condition: boolean, detail: string): Reason | undefined {
  return condition ? { code: 'noisy', detail } : undefined;
}

function judgeThrottling(launches: readonly TimedLaunch[]): (Reason | undefined)[] {
  const bits = launches.map(({ launch }) => throttledBits(launch));
  const throttled = bits.filter((value) => value !== 0);
  const all = throttled.reduce((sum, value) => sum | value, 0);
  return [
    throttled.length === 0
      ? undefined
      : {
          code: 'throttled',
          detail: `throttle bits 0x${all.toString(16)} in ${throttled.length} of ${launches.length} launches`,
        },
    judgeFrequency(launches),
    judgeQuota(launches),
  ];
}

/** A container's or service's processor quota stops its processes for the rest of each period. */
function judgeQuota(launches: readonly TimedLaunch[]): Reason | undefined {
  const share = shareOfTime(launches, (environment) => environment.quotaThrottledUs);
  if (share === undefined || share <= maxQuotaShare) return undefined;
  const detail = `the control group's processor quota held it back for ${percent(share)} of the time (limit ${percent(maxQuotaShare)})`;
  return { code: 'throttled', detail };
}

function judgePressure(launches: readonly TimedLaunch[]): Reason | undefined {
  const share = shareOfTime(launches, (environment) => environment.pressureUs);
  if (share === undefined || share <= maxPressureShare) return undefined;
  const detail = `some task waited for a processor in ${percent(share)} of the time (limit ${percent(maxPressureShare)})`;
  return { code: 'contended', detail };
}

/** By how much a counter of microseconds grew over all launches, as a share of their time; undefined where nobody keeps it or they were too short. */
function shareOfTime(
  launches: readonly TimedLaunch[],
  read: (environment: Environment) => number | undefined,
): number | undefined {
  let [elapsedUs, grownUs] = [0, 0];
  for (const { launch } of launches) {
    const { environmentBefore, environmentAfter } = launch;
    const before = environmentBefore && read(environmentBefore);
    const after = environmentAfter && read(environmentAfter);
    if (!environmentBefore || !environmentAfter || before === undefined || after === undefined) continue;
    elapsedUs += elapsedBetween(environmentBefore, environmentAfter) * 1000;
    grownUs += Math.max(0, after - before);
  }
  return elapsedUs < minObservedMs * 1000 ? undefined : grownUs / elapsedUs;
}

/** Bits set now, and those that were set while the launch ran; what was set since boot before it is history. */
function throttledBits(launch: TimedLaunch['launch']): number {
  const { environmentBefore: before, environmentAfter: after, environmentDuring = [] } = launch;
  const seen = [before, ...environmentDuring, after].map((environment) => environment?.throttledBits ?? 0);
  const now = seen.reduce((all, bits) => all | bits, 0) & throttledNowBits;
  if (before?.throttledBits === undefined || after?.throttledBits === undefined) return now;
  return now | (after.throttledBits & ~before.throttledBits & throttledSinceBootBits);
}

/**
 * Compares like with like: the frequency during the last launches with that during the first where it was watched
 * in all of them, else that right after them.
 */
function judgeFrequency(launches: readonly TimedLaunch[]): Reason | undefined {
  const during = launches.map(({ launch }) =>
    (launch.environmentDuring ?? []).map(({ frequencyHz }) => frequencyHz).filter(isPlausible),
  );
  const values = during.every((seen) => seen.length > 0)
    ? during.map(median)
    : launches.map(({ launch }) => launch.environmentAfter?.frequencyHz).filter(isPlausible);
  const third = Math.floor(values.length / 3);
  if (third === 0) return undefined;
  const share = median(values.slice(-third)) / median(values.slice(0, third));
  if (!(share < minFrequencyShare)) return undefined;
  return { code: 'throttled', detail: `the frequency fell to ${percent(share)} of what it was at first` };
}

/** Processor time over all launches that was not the runner's or the agent's. */
function judgeContention(
  launches: readonly TimedLaunch[],
  options: {
    readonly processors: number | undefined;
    readonly threadsUsed: number | undefined;
    readonly isLoadedOnPurpose?: boolean;
  },
): (Reason | undefined)[] {
  const { processors, threadsUsed = 1, isLoadedOnPurpose = false } = options;
  let [elapsedNs, stealNs, otherNs] = [0, 0, 0];
  for (const { launch } of launches) {
    const { environmentBefore: before, environmentAfter: after } = launch;
    if (!before || !after) continue;
    const launchNs = elapsedBetween(before, after) * 1e6;
    const busyNs = ticksBetween(before.busyTicks, after.busyTicks) * tickNs;
    // What the runner does outside its timed section (loading, warming up) is ours too, but its processor
    // time there is not reported: the whole of it is allowed for, so that we never accuse ourselves.
    const untimedNs = Math.max(0, launchNs - (launch.timedWallNs ?? launchNs)) * Math.max(1, threadsUsed);
    const ownNs = (launch.cpuTimeNs ?? 0) + (launch.agentCpuTimeNs ?? 0) + untimedNs;
    elapsedNs += launchNs;
    stealNs += ticksBetween(before.stealTicks, after.stealTicks) * tickNs;
    otherNs += launch.cpuTimeNs === undefined ? 0 : Math.max(0, busyNs - ownNs);
  }
  if (processors === undefined || elapsedNs < minObservedMs * 1e6) return [];
  const stealShare = stealNs / (elapsedNs * processors);
  const otherShare = otherNs / (elapsedNs * processors);
  return [
    stealShare > maxStealShare
      ? {
          code: 'contended',
          detail: `the hypervisor took ${percent(stealShare)} of the processor time (limit ${percent(maxStealShare)})`,
        }
      : undefined,
    otherShare > maxOtherShare && !isLoadedOnPurpose
      ? {
          code: 'contended',
          detail: `other processes took ${percent(otherShare)} of the processor time (limit ${percent(maxOtherShare)})`,
        }
      : undefined,
    isLoadedOnPurpose ? undefined : judgePressure(launches),
  ];
}

function ticksBetween(before: number | undefined, after: number | undefined): number {
  return before === undefined || after === undefined ? 0 : Math.max(0, after - before);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
