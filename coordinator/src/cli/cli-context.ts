/** The world as a command sees it; the real one is built in run-cli.ts. */
export interface CliContext {
  /** Data goes here. */
  readonly stdout: NodeJS.WriteStream;
  /** Talk goes here. */
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborts on Ctrl-C or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly data?: string;
}

/** Whether colours are welcome on a stream: a terminal, and NO_COLOR is not set (no-color.org). */
export function hasColor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** One line of talk. */
export function say(context: CliContext, line: string): void {
  context.stderr.write(`${line}\n`);
}
