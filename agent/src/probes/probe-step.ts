import type { Reading } from '@qfleet/shared/reading.ts';
import type { ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import type { RunInChildOptions } from './run-in-child.ts';

/** What a step is given beside what it was made with. */
export type StepContext = Pick<RunInChildOptions, 'onProgress' | 'signal'>;

/** What one step found. */
export interface StepFacts {
  readonly readings: readonly Reading[];
  readonly latencyLadder?: ProbeFacts['latencyLadder'];
}

/** One measurement among those that make a probe; each in a child process with a limit of its own. */
export interface ProbeStep {
  /** What is being done, for people. */
  readonly label: string;
  /** Seconds that it takes on a small board, roughly: its share of the progress shown. */
  readonly weight: number;
  run(context: StepContext): Promise<StepFacts>;
  /** The same readings where it failed or does not apply. */
  missing(reason: string): readonly Reading[] | Promise<readonly Reading[]>;
}
