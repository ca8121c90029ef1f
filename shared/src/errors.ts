/**
 * Every operating failure of qfleet is one `QfleetError` with a code of this closed set. The table says
 * how a code appears on the wire (gRPC status), to operators (HTTP status) and to a shell (exit code:
 * 0 ok, 1 failed, 2 usage, 3 no coordinator, 4 not allowed, 5 some devices failed, 6 gate not met,
 * 75 try later, 78 configuration).
 */
export const errorTable = {
  usage: { grpc: 3, http: 400, exit: 2 },
  'invalid-argument': { grpc: 3, http: 400, exit: 1 },
  /** A model, dataset or message that qfleet will not take, with the reason. */
  refused: { grpc: 3, http: 422, exit: 1 },
  'shape-mismatch': { grpc: 3, http: 422, exit: 1 },
  'not-found': { grpc: 5, http: 404, exit: 1 },
  'already-exists': { grpc: 6, http: 409, exit: 1 },
  'failed-precondition': { grpc: 9, http: 409, exit: 1 },
  'out-of-range': { grpc: 11, http: 416, exit: 1 },
  unauthenticated: { grpc: 16, http: 401, exit: 4 },
  'permission-denied': { grpc: 7, http: 403, exit: 4 },
  /** Disk full, quota reached, too large. */
  'resource-exhausted': { grpc: 8, http: 507, exit: 75 },
  /** Bytes do not have the digest they should have. */
  'digest-mismatch': { grpc: 15, http: 422, exit: 1 },
  cancelled: { grpc: 1, http: 499, exit: 1 },
  timeout: { grpc: 4, http: 504, exit: 75 },
  unavailable: { grpc: 14, http: 503, exit: 75 },
  unsupported: { grpc: 12, http: 501, exit: 1 },
  /** A child process died: SIGSEGV, SIGILL, out of memory. */
  crashed: { grpc: 10, http: 422, exit: 1 },
  configuration: { grpc: 9, http: 500, exit: 78 },
  'no-coordinator': { grpc: 14, http: 503, exit: 3 },
  'some-devices-failed': { grpc: 2, http: 500, exit: 5 },
  'gate-not-met': { grpc: 2, http: 500, exit: 6 },
  internal: { grpc: 13, http: 500, exit: 1 },
} as const satisfies Record<string, { grpc: number; http: number; exit: number }>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorDetails {
  /** What to do about it, as an instruction. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An operating failure. The message says what was expected and what was found; the hint what to do. */
export class QfleetError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'QfleetError';
    this.code = code;
    this.hint = details.hint;
  }

  /** The one funnel: whatever was thrown, as a QfleetError. Errno codes that users can mend keep their meaning. */
  static from(thrown: unknown): QfleetError {
    if (thrown instanceof QfleetError) return thrown;
    if (!(thrown instanceof Error)) return new QfleetError('internal', String(thrown));
    const errno = errnoTable[(thrown as NodeJS.ErrnoException).code ?? ''];
    if (errno) return new QfleetError(errno.code, describeErrno(thrown), { hint: errno.hint, cause: thrown });
    return new QfleetError('internal', thrown.message, { cause: thrown });
  }
}

/** Node's words, save for the commonest troubles, which deserve a plain sentence. */
function describeErrno(thrown: NodeJS.ErrnoException): string {
  if (thrown.code === 'ENOENT' && thrown.path) return `There is no file or folder ${thrown.path}.`;
  if (thrown.code === 'ENOSPC') return `The disk is full: ${thrown.message}.`;
  return thrown.message;
}

const errnoTable: Record<string, { code: ErrorCode; hint: string }> = {
  ENOSPC: { code: 'resource-exhausted', hint: 'Free some space on that disk, then try again.' },
  EDQUOT: {
    code: 'resource-exhausted',
    hint: 'The disk quota is used up: free some space, then repeat the command.',
  },
  EIO: {
    code: 'unavailable',
    hint: 'The disk, or the way to it, failed: look into dmesg and check it, then try again.',
  },
  EROFS: {
    code: 'configuration',
    hint: 'The file system is read-only: choose another folder or remount it.',
  },
  EACCES: { code: 'configuration', hint: 'Permission denied: check the owner and mode of that path.' },
  ENOENT: { code: 'not-found', hint: 'Check the path.' },
  EADDRINUSE: { code: 'configuration', hint: 'Another program listens there: choose another port.' },
};

/** True where `value` is one of the closed set of codes. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(errorTable, value);
}
