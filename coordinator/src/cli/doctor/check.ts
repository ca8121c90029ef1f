import type { CliContext } from '../cli-context.ts';

/** What one look at the machine found; a failure or warning comes with what to do. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix?: string;
}

/** What a check may look at. */
interface CheckInput {
  readonly dataDir: string;
  readonly context: CliContext;
}

/** One look at the machine; changes nothing. */
export type Check = (input: CheckInput) => Promise<Finding>;
