import { totalmem } from 'node:os';
import type { ChildLimits } from '@qfleet/shared/child/confine-command.ts';

/** Of the machine's memory, or its control group's, a runner may take so much: the rest is the system's and the agent's. */
const memoryShare = 0.75;
/** Private memory that Node maps and hardly uses (stacks of threads, heap reserved by V8): 575 MB with 24.21 on x64. */
const nodeReserveBytes = 600 * 2 ** 20;
/** Traces and engines are hundreds of megabytes at most; a small disk keeps half of what is free. */
const maxFileBytes = 4 * 2 ** 30;
const minFileBytes = 64 * 2 ** 20;

export interface RunnerLimitOptions {
  /** What a runner may take beside Node's own reserve, bytes; undefined: derived from the machine's memory. */
  readonly memoryBytes: number | undefined;
  /** Where the runner's files go; undefined: not known. */
  readonly freeDiskBytes: number | undefined;
  /** Of the job, milliseconds; 0: none. */
  readonly timeLimitMs: number;
  readonly processors: number;
}

/**
 * What one runner may use: no model should take the machine from the agent, the system, or the next job. Processor time
 * is what all processors give within the job's time limit: it ends a runner whose agent is stopped and cannot do it.
 */
export function runnerLimits(options: RunnerLimitOptions): ChildLimits {
  const {
    memoryBytes = memoryShare * machineMemoryBytes(),
    freeDiskBytes = Number.POSITIVE_INFINITY,
    timeLimitMs,
    processors,
  } = options;
  return {
    memoryBytes: Math.round(memoryBytes) + nodeReserveBytes,
    fileBytes: Math.round(Math.max(minFileBytes, Math.min(maxFileBytes, freeDiskBytes / 2))),
    ...(timeLimitMs > 0 && { cpuSeconds: Math.ceil((timeLimitMs / 1000) * processors) }),
  };
}

/** The machine's memory, or what its control group leaves this process, bytes. */
function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}
