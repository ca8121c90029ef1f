import { resolveNodeCommand } from '../../agent/src/config/resolve-config.ts';
import { plainContract } from '../../agent/src/jobs/fetch-pool-source.ts';
import type { LaunchMeasurement, MeasureRequest, PoolSource } from '../../agent/src/runner/protocol.ts';
import { startRunner } from '../../agent/src/runner/start-runner.ts';

/** A launch that does not answer for so long has failed, milliseconds. */
const launchLimitMs = 120_000;

/** Fixed, so that every launch is fed the same inputs. */
const inputSeed = 1;

/** Random inputs as a measure job without a dataset makes them. */
export const randomInputs: PoolSource = { kind: 'random', seed: inputSeed, contract: plainContract };

const singleStream: MeasureRequest['load'] = {
  scenario: 'single-stream',
  samplesPerQuery: 1,
  targetRatePerSec: 0,
  latencyBoundNs: 0,
  percentile: 0,
  frameRatePerSec: 0,
  scheduleSeed: 0,
};

/** What is timed, and for how long. */
export type LaunchOrder = Pick<MeasureRequest, 'backend' | 'variantPath' | 'threads'> &
  Partial<Pick<MeasureRequest, 'minSamples' | 'minDurationMs' | 'maxWarmupSamples'>>;

/** One launch through the agent's own runner, as a measure job starts it: a fresh process for one variant. */
export async function launchQfleet(
  order: LaunchOrder,
  signal: AbortSignal,
): Promise<LaunchMeasurement & { readonly spawnNs: number }> {
  const options = { nodeCommand: resolveNodeCommand(process.env), affinity: [], signal };
  await using runner = await startRunner(options);
  const measured = await runner.request(
    {
      kind: 'measure',
      providerOptions: {},
      dimensions: {},
      batch: 1,
      inputs: randomInputs,
      load: singleStream,
      minSamples: 1,
      minDurationMs: 0,
      maxDurationMs: 0,
      maxWarmupSamples: 200,
      ...order,
    },
    { limits: { loading: launchLimitMs, working: launchLimitMs } },
  );
  return { ...measured, spawnNs: runner.spawnNs };
}
