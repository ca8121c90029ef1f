import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import { EventBus } from '../fleet/event-bus.ts';
import { createId } from '../main/create-id.ts';
import { openStore } from '../store/open-store.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { type TaskContext, type TaskKind, TaskWorker } from './task-worker.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-tasks-'));
after(() => rmSync(root, { recursive: true }));
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(root, 'data-'));
});

const logger = createLogger({ name: 'test', level: 'silent' });

function createWorker(store: Store, run: TaskKind['run'], log = logger): TaskWorker {
  const kinds = [{ kind: 'try', run }];
  return new TaskWorker({
    store,
    events: new EventBus(store),
    kinds,
    logger: log,
    createId: () => createId('task'),
  });
}

/** Waits for the task's event that it is final. */
async function waitForEnd(store: Store, id: string): Promise<TaskRecord> {
  for (;;) {
    const events = await store.listEvents({ afterSeq: 0, subject: `task:${id}`, limit: 100 });
    if (events.some(({ kind }) => kind === 'task.finished')) return (await store.findTask(id))!;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves once the task has begun; it then works until it is told to stop. */
function createEndless(): { run: TaskKind['run']; begun: Promise<void> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const run = (_: unknown, { signal }: TaskContext): Promise<never> => {
    resolve();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  return { run, begun };
}

test('tasks are done one at a time in the order they came, with their results stored', async () => {
  await using store = await openStore(dataDir);
  const trace: string[] = [];
  await using worker = createWorker(store, async (params, { onProgress }) => {
    trace.push(`begin ${params}`);
    onProgress('half', 0.5);
    await new Promise((resolve) => setTimeout(resolve, 5));
    trace.push(`end ${params}`);
    return { made: params };
  });
  const first = await worker.enqueue('try', 1);
  const second = await worker.enqueue('try', 2);
  assert.deepEqual((await waitForEnd(store, second.id)).result, { made: 2 });
  assert.equal((await waitForEnd(store, first.id)).state, 'completed');
  assert.deepEqual(trace, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  const events = await store.listEvents({ afterSeq: 0, subject: `task:${first.id}`, limit: 10 });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['task.progress', 'task.finished'],
  );
});

test('a failed task keeps its error and the next one is done', async () => {
  await using store = await openStore(dataDir);
  await using worker = createWorker(store, async (params) => {
    if (params === 'bad') throw new QfleetError('refused', 'No good.', { hint: 'Take another.' });
  });
  const bad = await worker.enqueue('try', 'bad');
  const good = await worker.enqueue('try', 'good');
  const ended = await waitForEnd(store, bad.id);
  assert.equal(ended.state, 'failed');
  assert.deepEqual({ ...ended.error }, { code: 'refused', message: 'No good.', hint: 'Take another.' });
  assert.equal((await waitForEnd(store, good.id)).state, 'completed');
});

test('a running task stops when it is cancelled, a queued one never starts, a finished one refuses', async () => {
  await using store = await openStore(dataDir);
  const { run, begun } = createEndless();
  await using worker = createWorker(store, run);
  const running = await worker.enqueue('try', 1);
  const queued = await worker.enqueue('try', 2);
  await begun;
  await worker.cancel(queued.id);
  await worker.cancel(running.id);
  assert.equal((await waitForEnd(store, running.id)).state, 'cancelled');
  assert.equal((await waitForEnd(store, queued.id)).state, 'cancelled');
  await assert.rejects(worker.cancel(running.id), { code: 'failed-precondition' });
});

test('a task that was running when the coordinator went down is done by the next one', async () => {
  const { run, begun } = createEndless();
  const store = await openStore(dataDir);
  const worker = createWorker(store, run);
  const { id } = await worker.enqueue('try', 7);
  await begun;
  await worker[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await using reopened = await openStore(dataDir);
  assert.equal((await reopened.findTask(id))?.state, 'queued');
  await using next = createWorker(reopened, async (params) => params);
  next.start();
  assert.equal((await waitForEnd(reopened, id)).result, 7);
});

test('what the user can mend is logged in a line, a fault of ours with its stack', async () => {
  await using store = await openStore(dataDir);
  const logged: Record<string, unknown>[] = [];
  const note = (facts: Record<string, unknown>): void => void logged.push(facts);
  const log = { ...logger, info: () => undefined, warn: note, error: note } as unknown as typeof logger;
  const thrown = [
    new QfleetError('refused', 'That is no image.', { hint: 'Take another.' }),
    new TypeError('oops'),
  ];
  await using worker = createWorker(store, () => Promise.reject(thrown.shift()), log);
  for (const params of [1, 2]) await waitForEnd(store, (await worker.enqueue('try', params)).id);
  assert.deepEqual(
    logged.map(({ err, code, message }) => [err instanceof Error, code, message]),
    [
      [false, 'refused', 'That is no image.'],
      [true, undefined, undefined],
    ],
  );
});
