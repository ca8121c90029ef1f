import type { Patience } from './api-client.ts';
import type { CliContext } from './cli-context.ts';
import type { Progress } from './output/progress.ts';

/** Waits for a coordinator that is away while something of its is followed, and says so. */
export function createPatience({ signal }: Pick<CliContext, 'signal'>, progress: Progress): Patience {
  const onAway = (): void =>
    progress.note('  The coordinator does not answer; waiting for it to come back (Ctrl-C leaves).');
  return { signal, onAway };
}
