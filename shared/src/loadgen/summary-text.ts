import type { MeasureFacts } from '../result/job-result.ts';
import { mean } from '../statistics/mean.ts';
import type { TimedLaunch } from '../verdict/timed-launch.ts';
import { discardedQueries, estimatePercentile, plainPercentile, queriesNeeded } from './early-stopping.ts';
import type { Scenario } from './scenarios.ts';

/** What a summary is written of. */
export interface SummaryOptions {
  readonly sutName: string;
  readonly scenario: Scenario;
  readonly load: NonNullable<MeasureFacts['load']>;
  readonly launches: readonly TimedLaunch[];
  /** Of all launches together. */
  readonly minQueries: number;
  readonly minDurationMs: number;
}

const scenarioNames: Readonly<Record<Scenario, string>> = {
  'single-stream': 'SingleStream',
  'multi-stream': 'MultiStream',
  server: 'Server',
  offline: 'Offline',
  'fixed-rate': 'FixedRate',
};

/** Percentiles of the additional statistics, as LoadGen prints them. */
const statedPercentiles = [0.5, 0.9, 0.95, 0.97, 0.99, 0.999];

/**
 * The measurement in the text form of MLPerf LoadGen's `mlperf_log_summary.txt` (v2.0 and later), so that whatever
 * reads those reads this. The queries of all launches are taken as one run. Validity is LoadGen's: minimum duration,
 * minimum queries and early stopping, all three; it is no MLPerf result, which takes MLPerf's rules and review.
 */
export function summaryText(options: SummaryOptions): string {
  const { scenario, load, launches } = options;
  const sorted = Float64Array.from(launches.flatMap(({ samplesNs }) => [...samplesNs])).sort();
  const wallNs = sum(launches.map(({ launch }) => launch.timedWallNs ?? 0));
  const samples = sum(launches.map(({ launch }) => launch.timedSamples ?? 0));
  const validity = judge(options, { sorted, wallNs });
  const isValid = Object.values(validity).every(Boolean);
  return [
    ...heading('MLPerf Results Summary'),
    `SUT name : ${options.sutName}`,
    `Scenario : ${scenarioNames[scenario]}`,
    'Mode     : PerformanceOnly',
    headline(options, { sorted, samples, wallNs }),
    `Result is : ${isValid ? 'VALID' : 'INVALID'}`,
    ...(scenario === 'server'
      ? [`  Performance constraints satisfied : ${yes(validity.earlyStopping)}`]
      : []),
    `  Min duration satisfied : ${yes(validity.duration)}`,
    `  Min queries satisfied : ${yes(validity.queries)}`,
    `  Early stopping satisfied: ${yes(validity.earlyStopping)}`,
    ...earlyStoppingLines(scenario, sorted, load.percentile),
    '',
    ...heading('Additional Stats'),
    stat('QPS w/o loadgen overhead', rate(samples / load.samplesPerQuery, wallNs).toFixed(2)),
    '',
    ...latencyLines(sorted),
    '',
    ...heading('Test Parameters Used'),
    `samples_per_query : ${load.samplesPerQuery}`,
    `target_qps : ${load.targetRatePerSec}`,
    `target_latency (ns): ${load.latencyBoundNs}`,
    'max_async_queries : 1',
    `min_duration (ms): ${options.minDurationMs}`,
    `min_query_count : ${options.minQueries}`,
    `schedule_rng_seed : ${load.scheduleSeed}`,
    `launches : ${launches.length}`,
    '',
  ].join('\n');
}

interface Pooled {
  readonly sorted: Float64Array;
  readonly wallNs: number;
}

function judge(
  { scenario, launches, minQueries, minDurationMs }: SummaryOptions,
  { sorted, wallNs }: Pooled,
): { duration: boolean; queries: boolean; earlyStopping: boolean } {
  return {
    duration: wallNs >= minDurationMs * 1e6,
    // Offline is one query, however many samples it has.
    queries: scenario === 'offline' ? launches.length > 0 : sorted.length >= minQueries,
    earlyStopping: isEnough(scenario, launches, sorted.length),
  };
}

function isEnough(scenario: Scenario, launches: readonly TimedLaunch[], queries: number): boolean {
  if (scenario === 'single-stream') return discardedQueries(queries, 0.9) !== undefined;
  if (scenario === 'multi-stream') return discardedQueries(queries, 0.99) !== undefined;
  if (scenario !== 'server') return queries > 0;
  return (
    launches.length > 0 &&
    launches.every(({ launch }) => (launch.rateTrials ?? []).some(({ passed }) => passed))
  );
}

function headline(
  { scenario, launches }: SummaryOptions,
  { sorted, samples, wallNs }: Pooled & { readonly samples: number },
): string {
  if (scenario === 'offline' || scenario === 'fixed-rate') {
    return `Samples per second: ${rate(samples, wallNs).toFixed(2)}`;
  }
  if (scenario === 'server') {
    const rates = launches.map(({ figureNs }) => 1e9 / figureNs);
    return `Scheduled samples per second : ${(rates.length > 0 ? mean(rates) : 0).toFixed(2)}`;
  }
  const percentile = scenario === 'single-stream' ? 0.9 : 0.99;
  return `${percentile * 100}th percentile latency (ns) : ${Math.round(plainPercentile(sorted, percentile) ?? 0)}`;
}

function earlyStoppingLines(scenario: Scenario, sorted: Float64Array, percentile: number): string[] {
  if (scenario !== 'single-stream' && scenario !== 'multi-stream') {
    if (scenario !== 'server') return [];
    return ['Early Stopping Result:', ` * The rates were tested at the ${percentile * 100}th percentile.`];
  }
  const own = scenario === 'single-stream' ? 0.9 : 0.99;
  const needed = queriesNeeded(1, own);
  const discarded = discardedQueries(sorted.length, own);
  if (discarded === undefined) {
    return [
      'Early Stopping Result:',
      ` * Only processed ${sorted.length} queries.`,
      ` * Need to process at least ${needed} queries for early stopping.`,
    ];
  }
  const estimates = [...new Set([own, 0.99])].flatMap((p) => {
    const estimate = estimatePercentile(sorted, p);
    if (!estimate.available) return [];
    return [` * Early stopping ${p * 100}th percentile estimate: ${Math.round(estimate.valueNs)}`];
  });
  return [
    'Early Stopping Result:',
    ` * Processed at least ${needed} queries (${sorted.length}).`,
    ` * Would discard ${discarded} highest latency queries.`,
    ...estimates,
  ];
}

function latencyLines(sorted: Float64Array): string[] {
  if (sorted.length === 0) return [];
  return [
    stat('Min latency (ns)', String(Math.round(sorted[0]!))),
    stat('Max latency (ns)', String(Math.round(sorted.at(-1)!))),
    stat('Mean latency (ns)', String(Math.round(mean(sorted)))),
    ...statedPercentiles.map((p) =>
      stat(
        `${(p * 100).toFixed(2)} percentile latency (ns)`,
        String(Math.round(plainPercentile(sorted, p)!)),
      ),
    ),
  ];
}

function heading(title: string): string[] {
  const rule = '='.repeat(48);
  return [rule, title, rule];
}

function stat(name: string, value: string): string {
  return `${name.padEnd(32)}: ${value}`;
}

function rate(count: number, wallNs: number): number {
  return wallNs > 0 ? (count / wallNs) * 1e9 : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function yes(condition: boolean): string {
  return condition ? 'Yes' : 'NO';
}
