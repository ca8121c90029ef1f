import type { Environment } from '@qfleet/shared/result/job-result.ts';
import type { JobContext } from './job-context.ts';

/** Often enough to see a clock drop, seldom enough that a few file reads cost nothing beside the inference. */
const intervalMs = 1000;

/** Reads the environment once a second from files alone, until it is disposed. */
export class EnvironmentWatch implements Disposable {
  readonly seen: Environment[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(context: Pick<JobContext, 'readEnvironment'>) {
    this.#timer = setInterval(() => {
      // A reading that fails is one less; the launch goes on.
      context.readEnvironment({ isQuiet: true }).then(
        (environment) => this.seen.push(environment),
        () => undefined,
      );
    }, intervalMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
