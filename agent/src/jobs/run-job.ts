import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { Environment, JobResult, ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import type { BlobRef, FetchOptions, PinnedBlob } from '../blobs/blob-cache.ts';
import { freeDiskBytes } from '../blobs/free-disk.ts';
import type { EnvironmentOptions } from '../environment/read-environment.ts';
import { runnerLimits } from '../runner/runner-limits.ts';
import type { Runner, RunnerOptions } from '../runner/start-runner.ts';
import { runEvaluateJob } from './evaluate-job.ts';
import type { JobContext, ProbeRun } from './job-context.ts';
import { toFailure } from './job-failure.ts';
import { runMeasureJob } from './measure-job.ts';
import { runProbeJob } from './probe-job.ts';
import { ResultBlobs } from './result-blobs.ts';
import { startTimeLimit } from './time-limit.ts';

/** What the agent offers to its jobs. */
export interface JobTools {
  readonly agentVersion: string;
  readonly bootId: string;
  readonly isEmulated: boolean;
  readonly nodeCommand: readonly string[];
  /** What a runner may take, bytes; absent: derived from the machine's memory. */
  readonly runnerMemoryBytes?: number | undefined;
  acquireBlob(ref: BlobRef, options: FetchOptions): Promise<PinnedBlob>;
  startRunner(options: RunnerOptions): Promise<Runner>;
  lockHost(options: {
    bootId: string;
    onWait: (what: string) => void;
    signal: AbortSignal;
  }): Promise<AsyncDisposable>;
  readEnvironment(options?: EnvironmentOptions): Promise<Environment>;
  runProbes(options: ProbeRun): Promise<ProbeFacts>;
}

export interface JobRun {
  readonly job: Job__Output;
  /** This job's own folder. */
  readonly workFolder: string;
  onProgress(step: string, fraction: number): void;
  /** Aborted with the reason: a cancelled job still has a result. */
  readonly signal: AbortSignal;
}

export interface FinishedJob {
  readonly result: JobResult;
  readonly blobs: ResultBlobs['files'];
}

/**
 * One attempt of a job, from lease to result. Whatever goes wrong becomes a result with the failure's class; nothing
 * is thrown but what stops the agent itself.
 */
export async function runJob(run: JobRun, tools: JobTools): Promise<FinishedJob> {
  const { job } = run;
  const startedAtUnixMs = Date.now();
  const start = process.hrtime.bigint();
  const resultBlobs = await prepareFolder(run.workFolder).catch(toFailure);
  const isReady = resultBlobs instanceof ResultBlobs;
  const environmentBefore = await describeEnvironment(tools);
  const outcome: JobResult['outcome'] = isReady
    ? await attempt(run, tools, resultBlobs)
    : { kind: 'failed', failure: resultBlobs };
  const environmentAfter = await describeEnvironment(tools);
  // A failed attempt has no facts that could refer to blobs.
  const blobs = outcome.kind === 'failed' || !isReady ? [] : resultBlobs.files;
  const result: JobResult = {
    schema: 'qfleet.result/1',
    jobId: job.id,
    runId: job.runId,
    fence: job.fence,
    attempt: job.attempt,
    agentVersion: tools.agentVersion,
    bootId: tools.bootId,
    startedAtUnixMs,
    durationNs: Number(process.hrtime.bigint() - start),
    environmentBefore,
    environmentAfter,
    blobs: blobs.map(({ digest }) => digest),
    outcome,
  };
  return { result, blobs };
}

/** A device that does not say how it is has jobs and results nevertheless. */
function describeEnvironment(tools: JobTools): Promise<Environment> {
  return tools.readEnvironment().catch(() => ({ atUnixMs: Date.now() }));
}

async function prepareFolder(workFolder: string): Promise<ResultBlobs> {
  await mkdir(workFolder, { recursive: true });
  return ResultBlobs.create(join(workFolder, 'blobs'));
}

async function attempt(
  run: JobRun,
  tools: JobTools,
  resultBlobs: ResultBlobs,
): Promise<JobResult['outcome']> {
  const expiry = new AbortController();
  const signal = AbortSignal.any([run.signal, expiry.signal]);
  const used = new Set<PinnedBlob>();
  using limit = startTimeLimit(run.job.timeLimitMs, () => expiry.abort(tooLong(run.job.timeLimitMs)));
  const limits = runnerLimits({
    memoryBytes: tools.runnerMemoryBytes,
    freeDiskBytes: await freeDiskBytes(run.workFolder),
    timeLimitMs: run.job.timeLimitMs,
    processors: availableParallelism(),
  });
  const context: JobContext = {
    workFolder: run.workFolder,
    resultBlobs,
    isEmulated: tools.isEmulated,
    signal,
    onProgress: (step, fraction) => run.onProgress(step, fraction),
    fetchBlob: async (ref) => {
      const pinned = await tools.acquireBlob(ref, { signal });
      used.add(pinned);
      return pinned;
    },
    startRunner: (affinity) =>
      tools.startRunner({ affinity, signal, nodeCommand: tools.nodeCommand, limits }),
    readEnvironment: (options) => tools.readEnvironment(options),
    runProbes: (options) => tools.runProbes(options),
    lockHost: async () => {
      limit.pause();
      const onWait = (what: string): void => run.onProgress(what, 0);
      const lock = await tools.lockHost({ bootId: tools.bootId, onWait, signal });
      limit.resume();
      return lock;
    },
  };
  try {
    const outcome = await runKind(run.job, context);
    // Verified when they were acquired; what was measured counts only if they are still the same.
    for (const blob of used) await blob.assertUnchanged();
    return outcome;
  } catch (thrown) {
    // What came of a job that was to end is told by why it was to end.
    const reason = signal.aborted ? signal.reason : ((await findChange(used)) ?? thrown);
    return { kind: 'failed', failure: toFailure(reason) };
  }
}

/** A model that changed under the job may have failed it in any way: that is not the model's fault. */
async function findChange(used: Iterable<PinnedBlob>): Promise<unknown> {
  for (const blob of used) {
    const change = await blob.assertUnchanged().catch((thrown: unknown) => thrown);
    if (change) return change;
  }
  return undefined;
}

async function runKind(job: Job__Output, context: JobContext): Promise<JobResult['outcome']> {
  if (job.probe) return { kind: 'probe', facts: await runProbeJob(job.probe, context) };
  if (job.measure) return { kind: 'measure', facts: await runMeasureJob(job.measure, context) };
  if (job.evaluate) return { kind: 'evaluate', facts: await runEvaluateJob(job.evaluate, context) };
  throw new QfleetError('unsupported', 'This agent does not know this kind of job.', {
    hint: 'Update the agent.',
  });
}

function tooLong(limitMs: number): QfleetError {
  return new QfleetError('timeout', `The job took longer than its limit of ${limitMs} ms.`, {
    hint: 'Give the run fewer inputs or launches, or raise its time limit.',
  });
}
