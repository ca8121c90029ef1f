import type { Logger } from '@qfleet/shared/logger.ts';

/**
 * The agent survives what nobody caught, and says what happened: its results and unsent work are worth more than a
 * restart, which nothing may bring about on a board. Disposing of it gives Node its own ways back. Where the log goes
 * to may close (a pipe to a program that has ended): that is no reason to end either, and nowhere to tell of it.
 */
export function surviveStrays(log: Logger, onProblem: (message: string) => void): Disposable {
  const onStray = (thrown: unknown, origin: string): void => {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    log.error({ err: thrown, origin }, `Nothing had expected this; going on: ${message}`);
    onProblem(`Nothing had expected this: ${message}`);
  };
  const onClosed = (): void => undefined;
  // Rejections that nobody handles come here too.
  process.on('uncaughtException', onStray);
  process.stdout.on('error', onClosed);
  process.stderr.on('error', onClosed);
  return {
    [Symbol.dispose]: () => {
      process.off('uncaughtException', onStray);
      process.stdout.off('error', onClosed);
      process.stderr.off('error', onClosed);
    },
  };
}
