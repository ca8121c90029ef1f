import { QfleetError } from '@qfleet/shared/errors.ts';

/** The error for a file that qfleet will not take: what was expected and found, and what to do. */
export function refused(message: string, hint: string, cause?: unknown): QfleetError {
  return new QfleetError('refused', message, cause === undefined ? { hint } : { hint, cause });
}
