import { errorTable, QfleetError } from '@qfleet/shared/errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';

/** The body of every refusal. */
export const errorBodySchema = z.object({
  error: z.object({
    code: z.string(),
    /** What was expected and what was found. */
    message: z.string(),
    /** What to do about it. */
    hint: z.string().optional(),
  }),
});

/** Answers with the status that the error table has for the code. What nobody expected is logged with its stack. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = fromHttp(thrown) ?? QfleetError.from(thrown);
  if (error.code === 'internal') request.log.error({ err: thrown }, 'request failed');
  const body: z.infer<typeof errorBodySchema> = {
    error: {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  };
  void reply.status(errorTable[error.code].http).send(body);
}

/** Complaints of the HTTP server itself: no JSON, too large, wrong media type. */
function fromHttp(thrown: unknown): QfleetError | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return undefined;
  const status = Number(thrown.statusCode);
  if (status === 413) return new QfleetError('resource-exhausted', thrown.message, { cause: thrown });
  if (status >= 400 && status < 500) {
    return new QfleetError('invalid-argument', thrown.message, { cause: thrown });
  }
  return undefined;
}
