import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readServerEvents, type ServerEvent } from './read-server-events.ts';

const event = (seq: number): ServerEvent => ({
  seq,
  atMs: 1,
  subject: 'run:a',
  kind: 'job.leased',
  data: { é: seq },
});
const format = (seq: number): string =>
  `id: ${seq}\nevent: job.leased\ndata: ${JSON.stringify(event(seq))}\n\n`;

test('events come out whole however the bytes were cut, comments and retry are passed over', async () => {
  const bytes = Buffer.from(`retry: 1000\n\n${format(1)}: still here\n\n${format(2)}`);
  for (const size of [1, 2, 7, bytes.length]) {
    const pieces: Buffer[] = [];
    for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size));
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* pieces;
    }
    const read: ServerEvent[] = [];
    for await (const one of readServerEvents(body())) read.push(one);
    assert.deepEqual(read, [event(1), event(2)]);
  }
});
