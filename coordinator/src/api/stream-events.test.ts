import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readServerEvents, type ServerEvent } from '../cli/read-server-events.ts';
import type { Coordinator } from '../main/start-coordinator.ts';
import { startTestCoordinator } from '../main/testing/start-test-coordinator.ts';

let coordinator: Coordinator;
before(async () => {
  coordinator = await startTestCoordinator();
});
after(() => coordinator[Symbol.asyncDispose]());

async function open(
  query: string,
  headers: Record<string, string> = {},
): Promise<AsyncGenerator<ServerEvent>> {
  const authorization = `Bearer ${coordinator.token}`;
  const response = await fetch(`${coordinator.url}/v1/events${query}`, {
    headers: { authorization, ...headers },
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  return readServerEvents(response.body!);
}

async function take(events: AsyncGenerator<ServerEvent>, count: number): Promise<ServerEvent[]> {
  const taken: ServerEvent[] = [];
  while (taken.length < count) taken.push((await events.next()).value as ServerEvent);
  return taken;
}

const append = (subject: string, data: unknown): Promise<unknown> =>
  coordinator.events.append({ subject, kind: 'job.progress', data });

test('a stream that broke goes on after the last event seen: none lost, none twice', async () => {
  const total = 450;
  for (let i = 0; i < total; i++) await append('run:a', i);
  const first = await open('?subject=run:a');
  const seen = await take(first, 170);
  await first.return(undefined);
  const second = await open('?subject=run:a', { 'last-event-id': String(seen.at(-1)?.seq) });
  seen.push(...(await take(second, total - 170)));
  await second.return(undefined);
  assert.deepEqual(
    seen.map(({ data }) => data),
    Array.from({ length: total }, (_, i) => i),
  );
});

test('events that happen while the stream is open arrive, and only those of its subject', async () => {
  const stream = await open('?subject=run:b');
  await append('run:c', 'other');
  await append('run:b', 'ours');
  const [event] = await take(stream, 1);
  assert.deepEqual([event?.subject, event?.data], ['run:b', 'ours']);
  await stream.return(undefined);
});

test('an open stream does not hold up a coordinator that goes down', { timeout: 20_000 }, async () => {
  const brief = await startTestCoordinator();
  const authorization = `Bearer ${brief.token}`;
  const response = await fetch(`${brief.url}/v1/events`, { headers: { authorization } });
  await brief[Symbol.asyncDispose]();
  const rest = await response.text().catch(() => 'cut');
  assert.match(rest, /^(retry: \d+\n\n|cut)$/);
});
