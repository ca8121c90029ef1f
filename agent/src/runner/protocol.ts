import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Failure } from '@qfleet/shared/result/job-result.ts';
import type { BackendAvailability } from '../backends/backend.ts';

/**
 * What the agent and a runner, its child process, say to each other over the IPC channel (structured clone).
 * A runner says `ready` by itself, then answers one request at a time; it leaves when the channel closes.
 */
export type RunnerRequest = ProbeRequest | MeasureRequest | ProfileRequest | OpenRequest | ShardRequest;

/** Whether a backend works here. */
export interface ProbeRequest {
  readonly kind: 'probe';
  readonly backend: string;
}

/** What every request about one variant says. */
export interface VariantRequest {
  readonly backend: string;
  readonly variantPath: string;
  readonly threads: number;
  readonly providerOptions: Readonly<Record<string, string>>;
  /** Sizes of symbolic dimensions by name. */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly batch: number;
}

/** Load, warm up, time. */
export interface MeasureRequest extends VariantRequest {
  readonly kind: 'measure';
  readonly inputs: PoolSource;
  readonly minSamples: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  readonly maxWarmupSamples: number;
}

/** Load with the runtime's profiler on, run a few inferences. */
export interface ProfileRequest extends VariantRequest {
  readonly kind: 'profile';
  readonly inputs: PoolSource;
  readonly profilePrefix: string;
  readonly inferences: number;
}

/** Load a variant and keep it for the shards that follow. */
export interface OpenRequest extends VariantRequest {
  readonly kind: 'open';
}

/** Evaluate the first `count` items of a shard with the variant that was opened. */
export interface ShardRequest {
  readonly kind: 'shard';
  readonly path: string;
  readonly count: number;
  readonly item: ItemLayout;
  readonly contract: InputContract__Output;
  /** Raw outputs are kept for the first so many of them. */
  readonly comparisonCount: number;
  /** The first so many are run twice. */
  readonly repeatCount: number;
  readonly topK: number;
}

export interface ItemLayout {
  readonly elementType: string;
  readonly shape: readonly number[];
}

/** Where the inputs of a timed launch come from. */
export type PoolSource =
  | { readonly kind: 'random'; readonly seed: number; readonly contract: InputContract__Output }
  | {
      readonly kind: 'items';
      readonly item: ItemLayout;
      readonly contract: InputContract__Output;
      /** Shard files, in order, with the number of items in each. */
      readonly shards: readonly { readonly path: string; readonly count: number }[];
    };

export type RunnerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly answer: unknown };

/** What each kind of request is answered with. */
export interface RunnerAnswers {
  readonly probe: BackendAvailability;
  readonly measure: LaunchMeasurement;
  readonly profile: LaunchProfile;
  readonly open: OpenedVariant;
  readonly shard: ShardEvaluation;
}

/** Durations in nanoseconds on the runner's monotonic clock. */
export interface LaunchMeasurement {
  readonly backendVersion: string;
  readonly threads: number;
  readonly backendLoadNs: number;
  readonly createNs: number;
  readonly firstInferenceNs: number;
  readonly warmupNs: Float64Array;
  readonly steady: boolean;
  readonly timedNs: Float64Array;
  readonly timedWallNs: number;
  readonly cpuTimeNs: number;
  readonly involuntarySwitches: number;
  readonly peakMemoryBytes: number;
  /** SHA-256 of the input pool's final bytes, in order. */
  readonly inputDigest: string;
}

/** `path`: the runtime's own trace file; absent where the backend cannot record one. */
export interface LaunchProfile {
  readonly path?: string;
  readonly inferences: number;
}

export interface OpenedVariant {
  readonly backendVersion: string;
  readonly threads: number;
}

/** The facts of one shard, ready to be joined with those of the others. */
export interface ShardEvaluation {
  readonly count: number;
  /** One line of 64 hexadecimal digits for each input: SHA-256 of the final bytes of all its tensors. */
  readonly inputDigestLines: string;
  /** The same of all its outputs. */
  readonly outputDigestLines: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly elementType: string;
    readonly shape: number[];
  }[];
  readonly comparison: { readonly count: number; readonly values: Float32Array };
  /** 8k bytes for each input; absent where the first output is no vector. */
  readonly topK?: { readonly k: number; readonly bytes: Uint8Array };
  readonly nonFiniteInputs: number;
  readonly repeat: { readonly count: number; readonly identical: boolean };
}
