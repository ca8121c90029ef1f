import { poissonSchedule } from '@qfleet/shared/loadgen/poisson-schedule.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { inferencesPerQuery } from './inferences-per-query.ts';
import type { LoadPattern, LoadTarget, TimingLimits } from './load-pattern.ts';
import { planTrial } from './plan-trial.ts';
import type { OfferedLoad } from './protocol.ts';
import { createRateSearch } from './rate-search.ts';
import { runTrial, type Trial } from './run-trial.ts';

/**
 * MLPerf's server: queries come at random (Poisson, from a seeded schedule fixed beforehand) to one server. At a target
 * rate one trial is run in full; without one, the highest rate is searched at which the percentile of latency keeps
 * the bound. Latencies are those of the highest rate that passed, and where none did, of the lowest that was tried;
 * wall time and samples are those of all trials.
 */
export const timeServer: LoadPattern = async (target, load, limits) => {
  const start = target.clock.nowNs();
  const trials =
    load.targetRatePerSec > 0
      ? [await tryRate(target, load, { limits, ratePerSec: load.targetRatePerSec, endsEarly: false })]
      : await searchRate(target, load, limits);
  const queries = trials.reduce((sum, trial) => sum + trial.queries, 0);
  return {
    latenciesNs: headline(trials).latenciesNs,
    wallNs: target.clock.nowNs() - start,
    timedSamples: queries * load.samplesPerQuery,
    rateTrials: trials.map(({ latenciesNs: _latencies, ...trial }) => trial),
  };
};

async function searchRate(target: LoadTarget, load: OfferedLoad, limits: TimingLimits): Promise<Trial[]> {
  const serviceRatePerSec = 1e9 / Math.max(1, target.serviceNs * inferencesPerQuery(load, target));
  const search = createRateSearch(serviceRatePerSec);
  const trials: Trial[] = [];
  for (let rate = search.next(); rate !== undefined; rate = search.next()) {
    if (trials.length > 0 && (target.isStopped() || takesTooLong(rate, load, limits))) break;
    const trial = await tryRate(target, load, { limits, ratePerSec: rate, endsEarly: true });
    search.record(rate, trial.passed);
    trials.push(trial);
  }
  return trials;
}

/** Whether the queries that the test needs would not come within the maximum duration: a slower trial shows nothing. */
function takesTooLong(ratePerSec: number, load: OfferedLoad, limits: TimingLimits): boolean {
  const { queries } = planTrial(limits, { ratePerSec, percentile: load.percentile });
  return limits.maxDurationMs > 0 && (queries / ratePerSec) * 1000 > limits.maxDurationMs;
}

function tryRate(
  target: LoadTarget,
  load: OfferedLoad,
  { limits, ratePerSec, endsEarly }: { limits: TimingLimits; ratePerSec: number; endsEarly: boolean },
): Promise<Trial> {
  const plan = planTrial(limits, { ratePerSec, percentile: load.percentile });
  // One seed for all rates: the same arrivals closer together, so that rates differ by nothing else.
  const arrivalsNs = poissonSchedule({
    random: createRandom(load.scheduleSeed),
    ratePerSec,
    count: plan.queries,
  });
  const { maxDurationMs } = limits;
  return runTrial(target, load, { ...plan, ratePerSec, arrivalsNs, endsEarly, maxDurationMs });
}

function headline(trials: readonly Trial[]): Trial {
  const passed = trials.filter((trial) => trial.passed).sort((a, b) => b.ratePerSec - a.ratePerSec);
  return passed[0] ?? [...trials].sort((a, b) => a.ratePerSec - b.ratePerSec)[0]!;
}
