import type { MeasureJob__Output } from '@qfleet/shared/gen/qfleet/v1/MeasureJob.ts';
import { keepsBound } from '@qfleet/shared/loadgen/early-stopping.ts';
import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { checkSettings } from './check-settings.ts';
import { expectAtMost, expectEqual, resultMismatch } from './result-mismatch.ts';

/** Backends that compute on one thread of the host, or time themselves elsewhere, whatever is asked. */
const singleThreaded: readonly string[] = ['noop', 'trtexec'];

/** Launches of a variant in one series are at most so many for each that was asked: one that crashes is tried once more. */
const triesPerLaunch = 2;

/** Latencies in one trial of a rate; above it the test of the bound would be worth nothing and take long. */
const maxQueries = 1e9;

/** Whether a measurement is of what was asked for, and its launches fit each other; throws `invalid-argument`. */
export function checkMeasureFacts(facts: MeasureFacts, asked: MeasureJob__Output): void {
  expectEqual('backend', asked.backend, facts.backend.id);
  expectEqual('scenario', asked.scenario, facts.scenario);
  checkSettings(facts.settings, asked.settings);
  checkThreads(facts, asked.settings?.threads ?? 0);
  const load = checkLoad(facts, asked.load);
  checkVariants(facts, asked);
  checkCounts(facts, asked);
  for (const launch of facts.launches) if (!launch.failure) checkLaunch(facts, launch, load);
  checkRanges(facts.launches);
}

function checkThreads({ threadsUsed, backend }: MeasureFacts, asked: number): void {
  if (asked === 0 || (singleThreaded.includes(backend.id) && threadsUsed === 1)) return;
  expectEqual('number of threads', asked, threadsUsed);
}

type Load = NonNullable<MeasureFacts['load']>;

/** The load that was offered; where the result does not say, one sample a query and nothing else at work. */
function checkLoad({ load }: MeasureFacts, asked: MeasureJob__Output['load']): Load | undefined {
  for (const name of [
    'samplesPerQuery',
    'targetRatePerSec',
    'latencyBoundNs',
    'percentile',
    'frameRatePerSec',
    'scheduleSeed',
  ] as const) {
    // 0 leaves it to the scenario.
    if (load && asked?.[name]) expectEqual(name, asked[name], load[name]);
  }
  if (!load) expectAtMost('samples in a query', 1, asked?.samplesPerQuery ?? 0);
  expectEqual('number of busy processes', asked?.backgroundProcesses ?? 0, load?.backgroundProcesses ?? 0);
  const companions = asked?.companions.map(({ digest }) => digest) ?? [];
  expectEqual('companions', companions.join(', '), load?.companions.join(', ') ?? '');
  return load;
}

function checkVariants(facts: MeasureFacts, asked: MeasureJob__Output): void {
  const allowed = new Set(asked.variants.map(({ digest }) => digest));
  const { launches, profiles, counterLaunches = [], sustainedLaunches = [] } = facts;
  for (const { variantDigest } of [...launches, ...profiles, ...counterLaunches, ...sustainedLaunches]) {
    if (!allowed.has(variantDigest)) throw resultMismatch('a variant of the job', variantDigest);
  }
}

function checkCounts({ launches }: MeasureFacts, asked: MeasureJob__Output): void {
  const launchesOf = new Map<string, number>();
  for (const { variantDigest, series = 0 } of launches) {
    expectAtMost('repeats of all launches', asked.maxRepeats, series);
    const key = `${variantDigest} ${series}`;
    launchesOf.set(key, (launchesOf.get(key) ?? 0) + 1);
  }
  const most = asked.launchesPerVariant * triesPerLaunch;
  for (const count of launchesOf.values()) expectAtMost('launches of a variant in a series', most, count);
  expectEqual(
    'number of different positions of launches',
    launches.length,
    new Set(launches.map(({ order }) => order)).size,
  );
}

/** One launch with itself: how many samples it says that it timed, by each of its counts. */
function checkLaunch(facts: MeasureFacts, launch: Launch, load: Load | undefined): void {
  const { timedCount = 0, timedSamples, offeredFrames, droppedFrames = 0, rateTrials } = launch;
  const perQuery = load?.samplesPerQuery ?? 1;
  // Who times itself may not know of queries.
  if (timedSamples !== undefined && launch.latencySource === undefined) {
    const queries = rateTrials?.reduce((sum, trial) => sum + trial.queries, 0) ?? timedCount;
    const expected = facts.scenario === 'offline' ? timedCount * facts.settings.batch : queries * perQuery;
    expectEqual(`number of samples timed in launch ${launch.order}`, expected, timedSamples);
  }
  if (offeredFrames !== undefined) {
    expectEqual(
      `number of frames offered in launch ${launch.order}`,
      timedCount + droppedFrames,
      offeredFrames,
    );
  }
  for (const trial of rateTrials ?? []) {
    expectAtMost('queries of a trial', maxQueries, trial.queries);
    expectAtMost('queries over the bound', trial.queries, trial.overBound);
    if (!load || !(load.percentile > 0 && load.percentile < 1)) continue;
    const passed = keepsBound({ ...trial, percentile: load.percentile });
    const what = `outcome of ${trial.queries} queries of which ${trial.overBound} exceeded the bound`;
    expectEqual(what, outcome(passed), outcome(trial.passed));
  }
}

function outcome(passed: boolean): string {
  return passed ? 'passed' : 'not passed';
}

/** No two launches have the same samples. */
function checkRanges(launches: readonly Launch[]): void {
  const ranges = launches
    .filter(({ warmupCount = 0, timedCount = 0 }) => warmupCount + timedCount > 0)
    .map(({ order, sampleOffset = 0, warmupCount = 0, timedCount = 0 }) => ({
      order,
      from: sampleOffset,
      to: sampleOffset + warmupCount + timedCount,
    }))
    .sort((a, b) => a.from - b.from);
  for (const [i, range] of ranges.entries()) {
    const before = ranges[i - 1];
    if (!before || range.from >= before.to) continue;
    throw resultMismatch(`samples of launch ${range.order} from ${before.to} on`, range.from);
  }
}
