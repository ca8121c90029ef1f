import type { Environment, ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import type { PinnedBlob } from '../blobs/blob-cache.ts';
import type { EnvironmentOptions } from '../environment/read-environment.ts';
import type { Runner } from '../runner/start-runner.ts';
import type { ResultBlobs } from './result-blobs.ts';

/** What a job works with. The same code runs with a coordinator behind it and without. */
export interface JobContext {
  /** A folder of this job's own; what is left there is found again by a later attempt on this device. */
  readonly workFolder: string;
  /** Where the blobs of the result go. */
  readonly resultBlobs: ResultBlobs;
  /** A variant's or shard's file, pinned until disposed. */
  fetchBlob(ref: { readonly digest: string; readonly sizeBytes: number }): Promise<PinnedBlob>;
  /** A fresh process for one variant. */
  startRunner(affinity: readonly number[]): Promise<Runner>;
  /** The host's measurement lock; waits for it. */
  lockHost(): Promise<AsyncDisposable>;
  readEnvironment(options?: EnvironmentOptions): Promise<Environment>;
  runProbes(options: ProbeRun): Promise<ProbeFacts>;
  /** What is being done, for people, and how much of the job is done, 0…1. */
  onProgress(step: string, fraction: number): void;
  /** Whether the processor is emulated. */
  readonly isEmulated: boolean;
  /** Aborted with the reason that ends the job. */
  readonly signal: AbortSignal;
}

export interface ProbeRun {
  /** 0: what the device itself allows. */
  readonly maxMemoryBytes: number;
  readonly emulated: boolean;
  onProgress(step: string, fraction: number): void;
  readonly signal: AbortSignal;
}
