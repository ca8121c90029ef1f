import type { FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';

/** What a handler gets: path, query and body as their schemas left them, and the raw exchange for streams. */
export interface RouteInput<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A JSON answer by its schema, or another media type: `text/html`, `text/event-stream`. */
type RouteResponse = z.ZodType | { readonly contentTypes: readonly string[] };

interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As in OpenAPI: `/v1/runs/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly response: RouteResponse;
  /** Status of success; 200 unless said. */
  readonly status?: number;
  /** Answered without the operator's token. */
  readonly isOpen?: boolean;
}

/** One operation of the operators' API: the same record registers it with the server and describes it in the OpenAPI document. */
export interface Route extends RouteFacts {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  handle(input: RouteInput<unknown, unknown, unknown>): Promise<unknown>;
}

/** Declares a route; the handler's input has the types of its schemas. */
export function defineRoute<
  P extends z.ZodObject = z.ZodObject<Record<string, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<string, never>>,
  B extends z.ZodType = z.ZodUndefined,
>(
  spec: RouteFacts & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    handle(input: RouteInput<z.infer<P>, z.infer<Q>, z.infer<B>>): Promise<unknown>;
  },
): Route {
  return {
    ...spec,
    params: spec.params,
    query: spec.query,
    body: spec.body,
    handle: (input) => spec.handle(input as RouteInput<z.infer<P>, z.infer<Q>, z.infer<B>>),
  };
}
