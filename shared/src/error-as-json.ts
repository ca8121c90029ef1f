import type { QfleetError } from './errors.ts';

/** Whether a command line asks for JSON: `-o json`, `-ojson`, `--output json` or `--output=json`. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  return own.some(
    (arg, i) =>
      arg === '-ojson' ||
      arg === '--output=json' ||
      ((arg === '-o' || arg === '--output') && own[i + 1] === 'json'),
  );
}

/** A failure in the form in which the operators' API answers it: `{"error": {"code", "message", "hint"}}`, one line. */
export function errorAsJson({ code, message, hint }: Pick<QfleetError, 'code' | 'message' | 'hint'>): string {
  return `${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`;
}
