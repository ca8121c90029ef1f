import { QfleetError } from '@qfleet/shared/errors.ts';

/** A result that contradicts its job or itself: what was expected, and what it says. */
export function resultMismatch(expected: string, got: string | number): QfleetError {
  return new QfleetError(
    'invalid-argument',
    `The result does not fit its job: expected ${expected}, got ${typeof got === 'number' ? got : `"${got}"`}.`,
    { hint: 'Update the agent; if it is up to date, the device reports what it has not done.' },
  );
}

export function expectEqual(
  what: string,
  expected: string | number | undefined,
  got: string | number | undefined,
): void {
  if (expected !== got) throw resultMismatch(`the ${what} ${quote(expected)}`, got ?? 'none');
}

export function expectAtMost(what: string, most: number, got: number): void {
  if (!(got <= most)) throw resultMismatch(`at most ${most} ${what}`, got);
}

function quote(value: string | number | undefined): string {
  return typeof value === 'string' ? `"${value}"` : `${value ?? 'none'}`;
}
