import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common';
import type { FeedTensor, LoadedVariant, Outputs, TensorSlot } from './backend.ts';

export interface SessionParts {
  readonly session: InferenceSession;
  readonly Tensor: TensorConstructor;
  readonly threads: number;
  readonly endProfile: () => Promise<string | undefined>;
}

/** A session of any ONNX Runtime binding as a loaded variant. */
export function wrapSession({ session, Tensor, threads, endProfile }: SessionParts): LoadedVariant {
  return {
    inputs: session.inputMetadata.map(toSlot),
    outputs: session.outputMetadata.map(toSlot),
    threads,
    prepareFeeds: (tensors) =>
      Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toTensor(Tensor, tensor)])),
    infer: (feeds) =>
      session
        .run(feeds as InferenceSession.FeedsType)
        .catch(throwRunError) as Promise<unknown> as Promise<Outputs>,
    endProfile,
    close: () => session.release(),
  };
}

/**
 * What ONNX Runtime said when it would not create a session, as an error whose code tells a bad model
 * (`refused`) from one that this build cannot run (`unsupported`), lack of memory and a full disk.
 */
export function toLoadError(thrown: unknown): QfleetError {
  if (thrown instanceof QfleetError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = loadErrorCodes.find(({ pattern }) => pattern.test(message))?.code ?? 'refused';
  return new QfleetError(code, `ONNX Runtime does not load the model: ${message}`, { cause: thrown });
}

/**
 * What ONNX Runtime said when an inference failed: the model and its input do not fit each other (`shape-mismatch`), or
 * memory ran out. The same inputs would fail again.
 */
function throwRunError(thrown: unknown): never {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (/bad_alloc|failed to allocate|out of memory/i.test(message)) {
    throw new QfleetError('resource-exhausted', `ONNX Runtime ran out of memory: ${message}`, {
      cause: thrown,
    });
  }
  throw new QfleetError('shape-mismatch', `The model does not take this input: ${message}`, {
    hint: 'Where the model leaves dimensions open, give their sizes: bench --dimensions NAME=SIZE, or in a plan settings: [{dimensions: {NAME: SIZE}}].',
    cause: thrown,
  });
}

/** Threads for a setting: 0 means one for each processor that this process may use. */
export function resolveThreads(setting: number, available: number): number {
  return setting === 0 ? Math.max(1, available) : setting;
}

const loadErrorCodes = [
  { pattern: /bad_alloc|failed to allocate|out of memory/i, code: 'resource-exhausted' },
  {
    pattern:
      /not a registered function|is not registered|not implemented|NOT_IMPLEMENTED|could not find an implementation|unsupported model IR|unsupported data type|opset .* is under development|no opset import|only \*guarantees\* support/i,
    code: 'unsupported',
  },
] as const;

function toSlot(metadata: InferenceSession.ValueMetadata): TensorSlot {
  if (!metadata.isTensor) return { name: metadata.name, elementType: 'non-tensor' };
  return { name: metadata.name, elementType: metadata.type, shape: metadata.shape };
}

function toTensor(TensorOf: TensorConstructor, tensor: FeedTensor): Tensor {
  const create = TensorOf as new (type: string, data: FeedTensor['data'], dims: readonly number[]) => Tensor;
  return new create(tensor.elementType, tensor.data, tensor.dims);
}
