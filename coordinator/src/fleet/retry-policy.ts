import type { FailureClass } from '@qfleet/shared/result/job-result.ts';

/** What a failed attempt means for its job. */
export type RetryDecision = { readonly retryAfterMs: number } | 'final';

interface Policy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  /** Before the second attempt; doubled before each later one. */
  readonly firstDelayMs: number;
}

/**
 * Failures that another try may mend, in which the circumstances are at fault rather than the model. A full
 * disk and a lack of memory get time to pass, not minutes: mostly somebody has to clear up, and the run's end is
 * what tells them. Bytes spoilt once may have been spoilt on the way.
 */
const policies: Partial<Record<FailureClass, Policy>> = {
  oom: { maxAttempts: 3, firstDelayMs: 5_000 },
  timeout: { maxAttempts: 3, firstDelayMs: 5_000 },
  crashed: { maxAttempts: 3, firstDelayMs: 1_000 },
  killed: { maxAttempts: 3, firstDelayMs: 1_000 },
  // A board that had other things to do may be faster next time; a model that loops is ended twice.
  'time-limit': { maxAttempts: 2, firstDelayMs: 5_000 },
  'host-busy': { maxAttempts: 5, firstDelayMs: 60_000 },
  internal: { maxAttempts: 3, firstDelayMs: 1_000 },
  'disk-full': { maxAttempts: 3, firstDelayMs: 10_000 },
  'digest-mismatch': { maxAttempts: 2, firstDelayMs: 1_000 },
};

/** Whether a job is tried again, and when, after `attempts` attempts of which the last failed with that class. */
export function decideRetry(failureClass: FailureClass, attempts: number): RetryDecision {
  const policy = policies[failureClass];
  if (!policy || attempts >= policy.maxAttempts) return 'final';
  return { retryAfterMs: policy.firstDelayMs * 2 ** Math.max(0, attempts - 1) };
}
