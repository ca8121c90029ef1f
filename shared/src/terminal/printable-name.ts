import * as z from 'zod';

/**
 * A name that a user gives to a model, a dataset, a run: it is printed on terminals and pages, so that it has no control
 * characters, nothing that turns text around, and no line ends.
 */
export const printableName = z
  .string()
  .max(200)
  .regex(
    /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u,
    'expected a name without control characters',
  );
