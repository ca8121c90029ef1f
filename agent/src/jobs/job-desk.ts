import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Cancel__Output } from '@qfleet/shared/gen/qfleet/v1/Cancel.ts';
import type { HeldJob__Output } from '@qfleet/shared/gen/qfleet/v1/HeldJob.ts';
import type { Job__Output } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { Progress__Output } from '@qfleet/shared/gen/qfleet/v1/Progress.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { Spool } from '../spool/spool.ts';
import { toFailure } from './job-failure.ts';
import { type JobTools, runJob } from './run-job.ts';

export interface JobDeskOptions {
  readonly workFolder: string;
  readonly tools: JobTools;
  readonly spool: Spool;
  readonly log: Logger;
  /** Told of every change of the job in hand. */
  readonly onChange: () => void;
}

interface JobInHand {
  job: Job__Output;
  readonly controller: AbortController;
  step: string;
  fraction: number;
}

/** Takes leases, works on one job at a time, and puts results into the spool. */
export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #waiting: Job__Output[] = [];
  #inHand: JobInHand | undefined;
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
  }

  get held(): HeldJob__Output | undefined {
    return this.#inHand && { jobId: this.#inHand.job.id, fence: this.#inHand.job.fence };
  }

  get kind(): string {
    return this.#inHand?.job.spec ?? '';
  }

  get progress(): Progress__Output | undefined {
    if (!this.#inHand) return undefined;
    const { job, step, fraction } = this.#inHand;
    return { jobId: job.id, fence: job.fence, step, fraction };
  }

  /** Takes a lease. The job in hand, leased again, goes on under its new fence; a finished one is sent, not repeated. */
  lease(job: Job__Output): void {
    if (this.#isClosed) return;
    if (this.#inHand?.job.id === job.id) {
      this.#inHand.job = { ...this.#inHand.job, fence: job.fence, attempt: job.attempt };
      return;
    }
    if (this.#options.spool.entries.some(({ jobId, fence }) => jobId === job.id && fence >= job.fence))
      return;
    const known = this.#waiting.findIndex(({ id }) => id === job.id);
    if (known >= 0) this.#waiting.splice(known, 1);
    this.#waiting.push(job);
    this.#working ??= this.#work();
  }

  cancel({ jobId, fence, reason }: Cancel__Output): void {
    const waiting = this.#waiting.findIndex(({ id }) => id === jobId);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    const { job, controller } = this.#inHand ?? {};
    if (job?.id !== jobId || job.fence > fence) return;
    controller?.abort(
      new QfleetError('cancelled', `The coordinator cancelled the job: ${reason || 'no reason given'}.`),
    );
  }

  /** Takes no more jobs; resolves when the one in hand is done and its result is in the spool. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    await this.#working;
  }

  /** Ends the job in hand without a result: it will be leased again. */
  abandon(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#inHand?.controller.abort(new LeavingError('cancelled', 'The agent is leaving.'));
  }

  async #work(): Promise<void> {
    try {
      for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) await this.#workOn(job);
    } finally {
      this.#working = undefined;
    }
  }

  async #workOn(job: Job__Output): Promise<void> {
    const { log, tools, onChange } = this.#options;
    const inHand: JobInHand = { job, controller: new AbortController(), step: 'starting', fraction: 0 };
    this.#inHand = inHand;
    onChange();
    log.info({ jobId: job.id, fence: job.fence, kind: job.spec }, 'Job taken.');
    const workFolder = join(this.#options.workFolder, folderName(job.id));
    try {
      const finished = await runJob(
        {
          job,
          workFolder,
          signal: inHand.controller.signal,
          onProgress: (step, fraction) => {
            Object.assign(inHand, { step, fraction });
            onChange();
          },
        },
        tools,
      );
      if (inHand.controller.signal.reason instanceof LeavingError) return;
      await this.#spool(inHand, finished, workFolder);
    } catch (thrown) {
      // Not even a failure could be told: the lease will run out, and the job comes again.
      const { message, hint } = QfleetError.from(thrown);
      log.error({ jobId: job.id, hint }, `The job's result was lost: ${message}`);
    } finally {
      this.#inHand = undefined;
      onChange();
    }
  }

  async #spool(
    { job }: JobInHand,
    finished: Awaited<ReturnType<typeof runJob>>,
    workFolder: string,
  ): Promise<void> {
    const { log } = this.#options;
    // The fence may have grown while the job was in hand.
    const result = { ...finished.result, fence: job.fence, attempt: job.attempt };
    const stored = await this.#store(result, finished.blobs, workFolder);
    const failure = stored.outcome.kind === 'failed' ? stored.outcome.failure : undefined;
    if (failure)
      log.warn({ jobId: job.id, class: failure.class, hint: failure.hint }, `Job failed: ${failure.message}`);
    else log.info({ jobId: job.id }, 'Job done.');
    await removeWork(workFolder);
  }

  /** Puts a result into the spool. Where the disk does not take it, that becomes the result, in memory if need be. */
  async #store(
    result: JobResult,
    blobs: Awaited<ReturnType<typeof runJob>>['blobs'],
    workFolder: string,
  ): Promise<JobResult> {
    const { spool } = this.#options;
    const unsent = (of: JobResult) => ({
      bytes: Buffer.from(canonicalJson(of)),
      jobId: of.jobId,
      fence: of.fence,
    });
    try {
      await spool.add({ ...unsent(result), blobs });
      return result;
    } catch (thrown) {
      await removeWork(workFolder);
      const isFailed = result.outcome.kind === 'failed';
      const outcome = isFailed ? result.outcome : { kind: 'failed' as const, failure: toFailure(thrown) };
      const failed: JobResult = { ...result, blobs: [], outcome };
      await spool.add({ ...unsent(failed), blobs: [] }).catch(() => spool.hold(unsent(failed)));
      return failed;
    }
  }
}

class LeavingError extends QfleetError {}

/** What is left is removed at a later start; the result does not wait for it. */
async function removeWork(workFolder: string): Promise<void> {
  await rm(workFolder, { recursive: true, force: true }).catch(() => undefined);
}

/** An id from outside becomes a folder's name only where it is harmless. */
function folderName(jobId: string): string {
  return /^[A-Za-z0-9_-]{1,100}$/.test(jobId) ? jobId : digestBytes(jobId);
}
