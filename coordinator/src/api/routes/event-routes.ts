import * as z from 'zod';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { streamEvents } from '../stream-events.ts';

const eventsQuery = z.object({
  /** `run:ID`, `task:ID`, `device:ID`; absent: everything. */
  subject: z.string().optional(),
  /** Only events numbered higher; the header `Last-Event-ID` wins over it. */
  after: z.coerce.number().int().nonnegative().default(0),
});

const lastEventId = z.coerce.number().int().nonnegative();

export function eventRoutes(services: Services): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/events',
      operationId: 'streamEvents',
      summary: 'Server-sent events in commit order, from the first stored one or after `Last-Event-ID`',
      tag: 'events',
      query: eventsQuery,
      response: { contentTypes: ['text/event-stream'] },
      handle: async ({ query, request, reply }) => {
        const resumed = lastEventId.safeParse(request.headers['last-event-id'] ?? query.after);
        reply.hijack();
        await streamEvents({
          response: reply.raw,
          afterSeq: resumed.data ?? query.after,
          subject: query.subject,
          store: services.store,
          waitForEvent: services.waitForEvent,
          closing: services.closing,
        });
        return reply;
      },
    }),
  ];
}
