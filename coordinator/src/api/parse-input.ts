import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';

/** Checks a part of a request by its schema; throws `invalid-argument` that names every wrong field. */
export function parseInput(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  throw new QfleetError(
    'invalid-argument',
    `The ${part} is not as expected: ${describeIssues(parsed.error)}`,
    {
      hint: 'GET /v1/openapi.json describes every operation.',
    },
  );
}

/** All complaints of a schema in one line: `launches: expected number, received string; name: …`. */
export function describeIssues(error: z.core.$ZodError): string {
  return error.issues
    .map((issue) => (issue.path.length > 0 ? `${z.core.toDotPath(issue.path)}: ` : '') + describeIssue(issue))
    .join('; ');
}

function describeIssue({ code, message }: z.core.$ZodIssue): string {
  const isMissing = code === 'invalid_type' && message.endsWith('received undefined');
  return isMissing ? 'missing' : message.replace(/^Invalid input: /, '');
}
