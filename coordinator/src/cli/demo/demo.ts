import type { Coordinator } from '../../main/start-coordinator.ts';
import type { ApiClient } from '../api-client.ts';
import type { CliContext } from '../cli-context.ts';

/** What the steps of a demo work with: the embedded coordinator, a client of its API, and where things go. */
export interface Demo {
  readonly context: CliContext;
  readonly client: ApiClient;
  readonly coordinator: Coordinator;
  readonly dataDir: string;
  readonly reportsDir: string;
}
