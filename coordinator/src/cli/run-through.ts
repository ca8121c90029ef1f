import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CliContext } from './cli-context.ts';

/**
 * Runs a program of ours on our own terminal until it ends. Ctrl-C reaches it through the terminal, SIGTERM through us,
 * and it watches us, so that it leaves where we are killed.
 */
export async function runThrough(
  context: CliContext,
  file: string,
  args: readonly string[],
): Promise<number> {
  const child = spawn(file, args, {
    stdio: 'inherit',
    env: { ...context.env, QFLEET_PARENT_PID: String(process.pid) },
  });
  const stop = (): void => void child.kill('SIGTERM');
  context.signal.addEventListener('abort', stop);
  const [code] = (await once(child, 'exit')) as [number | null];
  context.signal.removeEventListener('abort', stop);
  return code ?? 1;
}
