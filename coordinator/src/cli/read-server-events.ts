import * as z from 'zod';

const eventSchema = z.object({
  seq: z.number(),
  atMs: z.number(),
  subject: z.string(),
  kind: z.string(),
  data: z.unknown(),
});
export type ServerEvent = z.infer<typeof eventSchema>;

/** The events of one `text/event-stream` body, as they come; comments and `retry` are passed over. */
export async function* readServerEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data) yield eventSchema.parse(JSON.parse(data.slice('data: '.length)));
    }
  }
}
