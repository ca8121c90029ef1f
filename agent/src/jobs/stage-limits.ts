import { backends } from '../backends/registry.gen.ts';
import type { StageLimits } from '../runner/protocol.ts';
import { maxWarmupMs } from '../runner/warm-up.ts';
import type { JobContext } from './job-context.ts';

/** Loading a large model on a slow, emulated board takes minutes; a backend that compiles says how many more. */
const loadLimitMs = 300_000;
/** Where the plan gives none: a minute, on an emulated board an hour, since emulation takes up to 60 times as long. */
const inferenceLimitMs = 60_000;
const emulationFactor = 60;
/** In the timed section somebody else may have the processor for a while: not one inference's limit, but five. */
const patience = 5;

export interface StageLimitOptions {
  readonly backend: string;
  /** Of the plan, milliseconds; 0: the agent's own. */
  readonly inferenceLimitMs: number;
  readonly isEmulated: boolean;
}

/** Of a job, as its plan and the device have it. */
export function limitOptions(
  job: { readonly backend: string; readonly inferenceLimitMs: number },
  { isEmulated }: Pick<JobContext, 'isEmulated'>,
): StageLimitOptions {
  return { backend: job.backend, inferenceLimitMs: job.inferenceLimitMs, isEmulated };
}

/**
 * How long each stage of a launch may take before its runner is ended, milliseconds. `workingMs` is how long the work
 * after the warm-up is to take by the plan; absent: without end.
 */
export function stageLimits(options: StageLimitOptions, workingMs?: number): StageLimits {
  const inferenceMs = limitInference(options);
  const compilingMs = findCompilingLimit(options.backend);
  return {
    loading: compilingMs ?? loadLimitMs,
    'first-inference': Math.max(inferenceMs, compilingMs ?? 0),
    'warm-up': maxWarmupMs + patience * inferenceMs,
    ...(workingMs !== undefined && { working: 2 * workingMs + patience * inferenceMs }),
  };
}

/** Between two inputs, or two batches of them, of an evaluation; a backend that compiles may do so at the first. */
export function evaluationLimits(options: StageLimitOptions): StageLimits {
  return { working: Math.max(limitInference(options), findCompilingLimit(options.backend) ?? 0) };
}

function findCompilingLimit(backend: string): number | undefined {
  return backends.find(({ id }) => id === backend)?.compilingLimitMs;
}

function limitInference({ inferenceLimitMs: planned, isEmulated }: StageLimitOptions): number {
  if (planned > 0) return planned;
  return inferenceLimitMs * (isEmulated ? emulationFactor : 1);
}
