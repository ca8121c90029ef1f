import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { EventBus } from '../fleet/event-bus.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

/** What a kind of task is given while it works. */
export interface TaskContext {
  /** Aborts when the task is cancelled or the coordinator goes down. */
  readonly signal: AbortSignal;
  /** Where it stands, for people; `fraction` is 0…1. Cheap: only a few a second are stored. */
  onProgress(step: string, fraction: number): void;
}

/** One kind of task: what its parameters make. Called again from the start after a restart, so it must bear repetition. */
export interface TaskKind {
  readonly kind: string;
  run(params: unknown, context: TaskContext): Promise<unknown>;
}

export interface TaskWorkerOptions {
  readonly store: Store;
  readonly events: EventBus;
  readonly kinds: readonly TaskKind[];
  readonly logger: Logger;
  /** Makes the id of a new task. */
  createId(): string;
}

/** A stored progress is at least this much newer than the last, milliseconds. */
const progressIntervalMs = 250;

/**
 * Works through the stored tasks, one at a time, oldest first. A task that was running when the coordinator stopped
 * starts again. Its changes are events of the subject `task:<id>`: `task.progress` with {state, progress},
 * `task.finished` with {state, result, error}.
 */
export class TaskWorker implements AsyncDisposable {
  readonly #options: TaskWorkerOptions;
  readonly #stopping = new AbortController();
  #current: { readonly id: string; readonly cancel: AbortController } | undefined;
  #loop: Promise<void> | undefined;
  #isWoken = false;

  constructor(options: TaskWorkerOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process left; the store has put its running task back into the queue. */
  start(): void {
    this.#wake();
  }

  async enqueue(kind: string, params: unknown): Promise<TaskRecord> {
    const task = await this.#options.store.addTask({ id: this.#options.createId(), kind, params });
    this.#wake();
    return task;
  }

  /** A queued task becomes cancelled at once, a running one as soon as it listens. A finished one throws `failed-precondition`. */
  async cancel(id: string): Promise<void> {
    if (this.#current?.id === id) {
      this.#current.cancel.abort(new QfleetError('cancelled', 'The task was cancelled by the operator.'));
      return;
    }
    const task = await this.#options.store.findTask(id);
    if (task?.state !== 'queued') {
      throw new QfleetError('failed-precondition', `The task ${id} is already ${task?.state ?? 'gone'}.`);
    }
    await this.#finish(id, { state: 'cancelled' });
  }

  /** Stops the running task; it stays for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new QfleetError('unavailable', 'The coordinator goes down.'));
    await this.#loop;
  }

  #wake(): void {
    this.#isWoken = true;
    this.#loop ??= this.#workThroughQueue();
  }

  /** Nothing is awaited between the last look at `#isWoken` and the end, so no wake-up is lost. */
  async #workThroughQueue(): Promise<void> {
    while (this.#isWoken && !this.#stopping.signal.aborted) {
      this.#isWoken = false;
      try {
        this.#isWoken = await this.#workOnNext();
      } catch (err) {
        this.#options.logger.error({ err }, 'the task queue stopped; the next task wakes it');
      }
    }
    this.#loop = undefined;
  }

  /** False where the queue is empty and nothing came meanwhile. */
  async #workOnNext(): Promise<boolean> {
    const queued = await this.#options.store.listTasks('queued');
    const next = queued[0];
    if (!next) return this.#isWoken;
    await this.#work(next);
    return true;
  }

  async #work(task: TaskRecord): Promise<void> {
    const { store, logger } = this.#options;
    const cancel = new AbortController();
    this.#current = { id: task.id, cancel };
    await store.updateTask(task.id, { state: 'running' });
    logger.info({ task: task.id, kind: task.kind }, 'task started');
    try {
      const result = await this.#run(task, AbortSignal.any([cancel.signal, this.#stopping.signal]));
      await this.#finish(task.id, { state: 'completed', result });
    } catch (thrown) {
      await this.#fail(task, thrown, cancel.signal.aborted);
    } finally {
      this.#current = undefined;
    }
  }

  async #run(task: TaskRecord, signal: AbortSignal): Promise<unknown> {
    const kind = this.#options.kinds.find(({ kind }) => kind === task.kind);
    if (!kind) throw new QfleetError('unsupported', `This version knows no task "${task.kind}".`);
    const progress = this.#createProgress(task.id);
    try {
      return await kind.run(task.params, { signal, onProgress: progress.note });
    } finally {
      await progress.settle();
    }
  }

  /** Stores progress in order and not too often; a failure to store it does not stop the work. */
  #createProgress(id: string): { note(step: string, fraction: number): void; settle(): Promise<void> } {
    const { store, events, logger } = this.#options;
    let lastAtMs = 0;
    let lastStep = '';
    let writing = Promise.resolve();
    const save = async (progress: { step: string; fraction: number }): Promise<void> => {
      await store.updateTask(id, { progress });
      await events.append({
        subject: `task:${id}`,
        kind: 'task.progress',
        data: { state: 'running', progress },
      });
    };
    const note = (step: string, fraction: number): void => {
      const nowMs = performance.now();
      if (step === lastStep && nowMs - lastAtMs < progressIntervalMs) return;
      [lastStep, lastAtMs] = [step, nowMs];
      writing = writing
        .then(() => save({ step, fraction }))
        .catch((err: unknown) => logger.warn({ err }, 'progress was not stored'));
    };
    return { note, settle: () => writing };
  }

  async #fail(task: TaskRecord, thrown: unknown, isCancelled: boolean): Promise<void> {
    if (isCancelled) return this.#finish(task.id, { state: 'cancelled' });
    if (this.#stopping.signal.aborted) {
      return this.#options.store.updateTask(task.id, { state: 'queued' });
    }
    const { code, message, hint } = QfleetError.from(thrown);
    // What the user can mend has a message and needs no stack; a fault of ours needs one.
    const why = code === 'internal' ? { err: thrown } : { code, message, hint };
    this.#options.logger.warn({ task: task.id, kind: task.kind, ...why }, 'task failed');
    const error = { code, message, ...(hint === undefined ? {} : { hint }) };
    await this.#finish(task.id, { state: 'failed', error });
  }

  async #finish(id: string, change: Partial<Pick<TaskRecord, 'state' | 'result' | 'error'>>): Promise<void> {
    const { store, events } = this.#options;
    await store.updateTask(id, change);
    await events.append({ subject: `task:${id}`, kind: 'task.finished', data: change });
  }
}
