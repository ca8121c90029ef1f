import { timeClosedLoop } from './closed-loop.ts';
import { inferencesPerQuery } from './inferences-per-query.ts';
import type { LoadPattern } from './load-pattern.ts';

/** MLPerf's single-stream and multi-stream: one query after the other; they differ in the samples of a query. */
export const timeStream: LoadPattern = async (target, load, limits) => {
  const timings = await timeClosedLoop(target, inferencesPerQuery(load, target), limits);
  return { ...timings, timedSamples: timings.latenciesNs.length * load.samplesPerQuery };
};
