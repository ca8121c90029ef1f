import type { ErrorCode } from '@qfleet/shared/errors.ts';
import type { ItemLayout, PreparationContract } from '@qfleet/shared/inputs/prepare-input.ts';
import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';

/** A tensor on its way between processes. */
export interface TensorMessage {
  readonly elementType: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** An item of a dataset that the child makes an input of, by the model's input contract: a quarter of the bytes to send. */
export interface RawItem {
  readonly raw: Uint8Array;
  readonly item: ItemLayout;
  readonly contract: PreparationContract;
  /** Dimensions of the model's input. */
  readonly rank: number;
}

/** Inputs by name. */
export type Feeds = Readonly<Record<string, TensorMessage | RawItem>>;
/** Outputs by name. */
export type Outputs = Readonly<Record<string, TensorMessage>>;

export interface OpenRequest {
  readonly kind: 'open';
  /** Under which name the session is kept; a second one of the same name takes its place. */
  readonly slot: string;
  readonly path: string;
  readonly optimisation: 'disabled' | 'basic' | 'extended' | 'all';
  /** Where ONNX Runtime writes its optimised graph. */
  readonly optimisedPath?: string;
  /** Threads inside an operator; 0: ONNX Runtime's choice. */
  readonly threads: number;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly slot: string;
  readonly feeds: Feeds;
}

/** Runs the model and answers with outputs of one element each, as one Float64Array in the order of `names`. */
export interface ScalarsRequest {
  readonly kind: 'scalars';
  readonly slot: string;
  readonly feeds: Feeds;
  readonly names: readonly string[];
}

/** Equal bins from low to high; what lies outside counts in the first or last. */
export interface HistogramBins {
  readonly tensor: string;
  readonly low: number;
  readonly high: number;
}

/** Runs the model and adds the values of its outputs to histograms that stay in the child. */
export interface HistogramRequest {
  readonly kind: 'histogram';
  readonly slot: string;
  readonly feeds: Feeds;
  /** Which of two sets of histograms they are counted in. */
  readonly half: 0 | 1;
  readonly tensors: readonly HistogramBins[];
  readonly bins: number;
}

/** Answers with the counts by tensor, and forgets them. */
export interface TakeHistogramsRequest {
  readonly kind: 'take-histograms';
}

/** Two tensors of two sessions that should be the same; codes are compared by what they stand for. */
export interface TensorPair {
  readonly reference: string;
  readonly candidate: string;
  readonly referenceScale?: { readonly scale: number; readonly zeroPoint: number };
  readonly candidateScale?: { readonly scale: number; readonly zeroPoint: number };
}

/** Runs two open models on the same inputs and answers with one `NoiseSums` per pair. */
export interface CompareRequest {
  readonly kind: 'compare';
  readonly feeds: Feeds;
  readonly referenceSlot: string;
  readonly candidateSlot: string;
  readonly pairs: readonly TensorPair[];
}

/** Puts one input into stores, from which stages of a model take what they read. */
export interface StageInputsRequest {
  readonly kind: 'stage-inputs';
  readonly stores: readonly string[];
  readonly feeds: Feeds;
}

/** Runs an open stage for every input of a store; its outputs join the store, what is spent leaves it. */
export interface AdvanceRequest {
  readonly kind: 'advance';
  readonly slot: string;
  readonly store: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly spent: readonly string[];
}

/** Answers with `StagedValues.shift`. */
export interface ShiftRequest {
  readonly kind: 'shift';
  readonly reference: { readonly store: string; readonly tensor: string };
  readonly candidate: { readonly store: string; readonly tensor: string };
}

/** Forgets models, histograms and staged values. */
export interface ResetRequest {
  readonly kind: 'reset';
}

export type OrtAction =
  | OpenRequest
  | RunRequest
  | ScalarsRequest
  | HistogramRequest
  | TakeHistogramsRequest
  | CompareRequest
  | StageInputsRequest
  | AdvanceRequest
  | ShiftRequest
  | ResetRequest;

export type OrtRequest = OrtAction & { readonly id: number };

export interface ValueMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  /** Empty where it is no tensor. */
  readonly elementType: string;
  /** Symbolic dimensions by name, unnamed ones as `?`. */
  readonly shape: readonly (number | string)[];
}

export interface SessionMetadata {
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
}

export type OrtReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly message: string;
      /** Set where the error is ours, about the inputs, and not ONNX Runtime's, about the model. */
      readonly own?: { readonly code: ErrorCode; readonly hint?: string };
    };
