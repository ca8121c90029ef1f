import type { TensorData } from '@qfleet/shared/inputs/typed-array-for.ts';

/** A tensor on its way between processes. */
export interface TensorMessage {
  readonly elementType: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export interface OpenRequest {
  readonly kind: 'open';
  readonly path: string;
  readonly optimisation: 'disabled' | 'basic' | 'extended' | 'all';
  /** Where ONNX Runtime writes its optimised graph. */
  readonly optimisedPath?: string;
  /** Threads inside an operator; 0: ONNX Runtime's choice. */
  readonly threads: number;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly feeds: Readonly<Record<string, TensorMessage>>;
}

export type OrtRequest = (OpenRequest | RunRequest) & { readonly id: number };

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
  | { readonly id: number; readonly ok: false; readonly message: string };
