import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Scenario } from '@qfleet/shared/loadgen/scenarios.ts';
import type { EventCount, Failure, RateTrial, SustainedLaunch } from '@qfleet/shared/result/job-result.ts';
import type { BackendAvailability } from '../backends/backend.ts';

/**
 * What the agent and a runner, its child process, say to each other over the IPC channel (structured clone).
 * A runner says `ready` by itself, then answers one request at a time; it leaves when the channel closes.
 */
export type RunnerRequest =
  | ProbeRequest
  | MeasureRequest
  | ProfileRequest
  | CountRequest
  | SustainRequest
  | ServeRequest
  | BurnRequest
  | OpenRequest
  | ShardRequest;

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
  /** Sizes of open dimensions, by name or by place (`x[2]`). */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly batch: number;
}

/** How load is offered, everything said; 0 where a field means nothing to the scenario. */
export interface OfferedLoad {
  readonly scenario: Scenario;
  readonly samplesPerQuery: number;
  /** server: 0: the highest rate within the bound is searched. */
  readonly targetRatePerSec: number;
  readonly latencyBoundNs: number;
  readonly percentile: number;
  readonly frameRatePerSec: number;
  readonly scheduleSeed: number;
}

/** Load, warm up, time. */
export interface MeasureRequest extends VariantRequest {
  readonly kind: 'measure';
  readonly inputs: PoolSource;
  readonly load: OfferedLoad;
  /** Queries. */
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

/** Load and warm up as for timing, then run under counters, which were opened before the backend's threads. */
export interface CountRequest extends VariantRequest {
  readonly kind: 'count';
  readonly inputs: PoolSource;
  /** Both minima are reached, unless the maximum duration comes first. */
  readonly minInferences: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  readonly maxWarmupSamples: number;
}

/** Load, warm up, then run without a pause; latencies are kept in windows. */
export interface SustainRequest extends VariantRequest {
  readonly kind: 'sustain';
  readonly inputs: PoolSource;
  readonly durationMs: number;
  readonly windowMs: number;
  readonly maxWarmupSamples: number;
}

/** Load and warm up, tell so by progress 1, then answer the same kind of load until the runner is ended. */
export interface ServeRequest extends VariantRequest {
  readonly kind: 'serve';
  readonly inputs: PoolSource;
  readonly load: OfferedLoad;
  readonly maxWarmupSamples: number;
}

/** Keep one processor busy until the runner is ended; progress 1 tells that it does. */
export interface BurnRequest {
  readonly kind: 'burn';
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

/**
 * What a runner is at, in this order; each has a limit of time of its own. `working` is all that comes after the
 * warm-up, or of an evaluation one inference.
 */
export type RunnerStage = 'loading' | 'first-inference' | 'warm-up' | 'working';
/** Milliseconds by stage; a stage that is absent has no limit. */
export type StageLimits = Readonly<Partial<Record<RunnerStage, number>>>;

/** What a runner tells while it is at work; never within a timed section. */
export interface Telling {
  onProgress(fraction: number): void;
  /** A stage begins. */
  onStage(stage: RunnerStage): void;
}

export type RunnerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'stage'; readonly stage: RunnerStage }
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly answer: unknown };

/** What each kind of request is answered with. */
export interface RunnerAnswers {
  readonly probe: BackendAvailability;
  readonly measure: LaunchMeasurement;
  readonly profile: LaunchProfile;
  readonly count: LaunchCounts;
  readonly sustain: Pick<SustainedLaunch, 'windows'>;
  readonly serve: undefined;
  readonly burn: undefined;
  readonly open: OpenedVariant;
  readonly shard: ShardEvaluation;
}

/** Durations in nanoseconds on the runner's monotonic clock. */
export interface LaunchMeasurement {
  readonly backendVersion: string;
  readonly threads: number;
  readonly backendLoadNs: number;
  readonly createNs: number;
  readonly firstInferenceNs?: number;
  readonly warmupNs: Float64Array;
  /** Absent where the backend warms up by itself. */
  readonly steady?: boolean;
  /** What a latency holds where the backend times itself; absent: an inference in the runner. */
  readonly latencySource?: string;
  readonly timedNs: Float64Array;
  readonly timedWallNs: number;
  readonly timedSamples: number;
  readonly offeredFrames?: number;
  readonly droppedFrames?: number;
  readonly rateTrials?: RateTrial[];
  /** Absent where another process computes. */
  readonly cpuTimeNs?: number;
  readonly involuntarySwitches: number;
  readonly peakMemoryBytes: number;
  /** SHA-256 of the input pool's final bytes, in order. */
  readonly inputDigest: string;
  /** As fed, by input; of a batch, all its samples together. */
  readonly inputShapes: Record<string, number[]>;
}

/** `path`: the runtime's own trace file; absent where the backend cannot record one. */
export interface LaunchProfile {
  readonly path?: string;
  readonly inferences: number;
}

/** What was counted from the start of the first counted inference to the end of the last. */
export interface LaunchCounts {
  readonly inferences: number;
  readonly wallNs: number;
  /** User and system time of the runner, all threads. */
  readonly cpuTimeNs: number;
  readonly events: EventCount[];
}

export interface OpenedVariant {
  readonly backendVersion: string;
  readonly threads: number;
  /** How outputs come about, where not as in a timed inference. */
  readonly outputSource?: string;
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
