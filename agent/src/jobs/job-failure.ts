import { type ErrorCode, QfleetError } from '@qfleet/shared/errors.ts';
import type { Failure, FailureClass } from '@qfleet/shared/result/job-result.ts';

/** A failed attempt or launch, with the class that decides whether it is tried again. */
export class JobFailure extends QfleetError {
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(codeOfClass[failure.class], failure.message, {
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      cause,
    });
    this.name = 'JobFailure';
    this.failure = failure;
  }
}

/**
 * Whatever was thrown while a job ran, as the failure that its result carries. `resource-exhausted` is lack of
 * memory where the message speaks of memory or allocation, a full disk otherwise.
 */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof JobFailure) return thrown.failure;
  const error = QfleetError.from(thrown);
  const failureClass = classOf(error);
  return {
    class: failureClass,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/**
 * Emulators and tired boards crash now and then, and people end the wrong process: one more launch tells that from a
 * variant that always fails.
 */
export function isWorthAnotherLaunch({ class: failureClass }: Failure): boolean {
  return failureClass === 'crashed' || failureClass === 'killed';
}

const codeOfClass: Readonly<Record<FailureClass, ErrorCode>> = {
  oom: 'resource-exhausted',
  'memory-limit': 'resource-exhausted',
  'time-limit': 'timeout',
  'file-limit': 'resource-exhausted',
  killed: 'crashed',
  'host-busy': 'unavailable',
  timeout: 'timeout',
  crashed: 'crashed',
  'bad-model': 'refused',
  'digest-mismatch': 'digest-mismatch',
  unsupported: 'unsupported',
  'bad-input': 'shape-mismatch',
  'disk-full': 'resource-exhausted',
  cancelled: 'cancelled',
  internal: 'internal',
};

const classOfCode: Partial<Readonly<Record<ErrorCode, FailureClass>>> = {
  timeout: 'timeout',
  crashed: 'crashed',
  refused: 'bad-model',
  'digest-mismatch': 'digest-mismatch',
  unsupported: 'unsupported',
  'shape-mismatch': 'bad-input',
  'invalid-argument': 'bad-input',
  cancelled: 'cancelled',
};

function classOf(error: QfleetError): FailureClass {
  if (error.code === 'resource-exhausted') return /memory|alloc/i.test(error.message) ? 'oom' : 'disk-full';
  return classOfCode[error.code] ?? 'internal';
}
