import { type Logger, pino } from 'pino';

export type { Logger };

export interface LoggerOptions {
  readonly name: string;
  readonly level?: string;
  /** Where JSON lines go; standard error by default, since standard output carries data. */
  readonly destination?: NodeJS.WritableStream;
}

/** Structured logs, one JSON object a line. Secrets are redacted by their usual names. */
export function createLogger(options: LoggerOptions): Logger {
  const redact = {
    paths: ['token', '*.token', 'key', '*.key', 'authorization', '*.authorization'],
    censor: '[redacted]',
  };
  return pino(
    { name: options.name, level: options.level ?? 'info', redact },
    options.destination ?? process.stderr,
  );
}
