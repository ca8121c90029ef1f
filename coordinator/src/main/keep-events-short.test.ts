import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@qfleet/shared/logger.ts';
import { keepEventsShort } from './keep-events-short.ts';

test('a heap of old events goes in pieces until none is left, and a failure is no end', async () => {
  const answers = [2000, 2000, 17];
  const done = Promise.withResolvers<void>();
  const pruneEvents = async (): Promise<number> => {
    const removed = answers.shift() ?? 0;
    if (answers.length === 0) done.resolve();
    return removed;
  };
  // A timer of the keeper's own does not keep the process alive.
  const alive = setInterval(() => undefined, 1000);
  const logger = createLogger({ name: 'test', level: 'silent' });
  await using _keeper = keepEventsShort({ pruneEvents }, logger);
  await done.promise;
  const failed = Promise.withResolvers<void>();
  await using _other = keepEventsShort(
    {
      pruneEvents: async () => {
        failed.resolve();
        throw new Error('the disk');
      },
    },
    logger,
  );
  await failed.promise;
  clearInterval(alive);
  assert.deepEqual(answers, []);
});
