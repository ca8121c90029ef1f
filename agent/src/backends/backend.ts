import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';

/** An input or output of a variant. */
export interface TensorSlot {
  readonly name: string;
  /** ONNX Runtime's names: `float32`, `uint8`, `int64`, …; `non-tensor` for sequences and maps. */
  readonly elementType: string;
  /** Symbolic dimensions by name; absent where the backend takes any shape. */
  readonly shape?: readonly (number | string)[];
}

/** One tensor to feed: row-major elements and its dimensions. */
export interface FeedTensor {
  readonly elementType: string;
  readonly data: TensorData;
  readonly dims: readonly number[];
}

/** One tensor that came out; valid until the next inference. */
export interface OutputTensor {
  readonly type: string;
  readonly data: ArrayBufferView | readonly string[];
  readonly dims: readonly number[];
}

/** Tensors in the form in which the backend takes them; made once, outside the timed section. */
export type Feeds = Readonly<Record<string, unknown>>;
export type Outputs = Readonly<Record<string, OutputTensor>>;

export type BackendAvailability =
  | {
      readonly available: true;
      readonly version: string;
      readonly capabilities: Readonly<Record<string, string>>;
    }
  | { readonly available: false; readonly reason: string };

export interface LoadOptions {
  /** Threads inside an operator; 0: one for each processor that the process may use. */
  readonly threads: number;
  /** Passed on as they are; a key that the backend does not know fails as `unsupported`. */
  readonly providerOptions: Readonly<Record<string, string>>;
  /** Records the operator profile to a file whose name begins with this path. */
  readonly profilePrefix?: string;
}

/** What a backend that times itself is asked for. */
export interface OwnTimingOrder {
  readonly feeds: Feeds;
  readonly minSamples: number;
  readonly minDurationMs: number;
}

/** What it found, durations in nanoseconds. */
export interface OwnTimings {
  readonly latenciesNs: Float64Array;
  readonly wallNs: number;
  /** What a latency holds, in words: becomes part of the method of every reading. */
  readonly source: string;
}

/** A variant that is ready to run. Inputs and outputs are in the model's order. */
export interface LoadedVariant {
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
  /** Threads in use. */
  readonly threads: number;
  prepareFeeds(tensors: Readonly<Record<string, FeedTensor>>): Feeds;
  /** One inference; this and nothing else is timed. */
  infer(feeds: Feeds): Promise<Outputs>;
  /** Where starting an inference costs far more than a few more inputs do: up to `size` of them at once, for evaluating. */
  readonly batched?: {
    readonly size: number;
    /** How these outputs come about, where not as in a timed inference. */
    readonly source: string;
    /** Outputs in the order of the feeds. */
    infer(feeds: readonly Feeds[]): Promise<readonly Outputs[]>;
  };
  /** Where the backend can only be timed from within: its own timed section, instead of one around `infer`. */
  timeItself?(order: OwnTimingOrder): Promise<OwnTimings>;
  /** Ends the profile and gives the path of its file; undefined where none was asked for. */
  endProfile(): Promise<string | undefined>;
  close(): Promise<void>;
}

/**
 * What can execute variants; one file in this folder each, which exports it as `backend`. All methods run in
 * a child process that may die of them.
 */
export interface Backend {
  readonly id: string;
  /** Whether an operator profile can be recorded. */
  readonly canProfile: boolean;
  /** Whether outputs follow from the variant; false for a backend that only stands in for one. */
  readonly computes: boolean;
  /** For so long it may compile a variant, when loading it or at an inference, milliseconds; absent: it does not. */
  readonly compilingLimitMs?: number;
  /** Why it cannot work here, as far as that can be seen without loading anything; runs in the agent itself. */
  findObstacle?(): Promise<string | undefined>;
  /** Loads the library and runs a tiny model, so that what will crash crashes here. */
  probe(): Promise<BackendAvailability>;
  /** Loads the library; gives its version. Later calls cost nothing. */
  loadLibrary(): Promise<string>;
  /** Reads a variant from its file; throws `refused` for a bad model, `unsupported` for what it cannot run. */
  load(path: string, options: LoadOptions): Promise<LoadedVariant>;
}
