import { once } from 'node:events';
import { totalmem } from 'node:os';
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Worker } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { RunComparisons } from '../analysis/compare-runs.ts';
import type { ReportFormat } from '../api/services.ts';
import type { StoredRun } from '../evidence/stored-run.ts';
import type { ImportedSet } from '../imports/imported-set.ts';
import { textOfThread } from './text-of-thread.ts';

/** Folders of the data directory that the thread reads by itself. */
export interface EvidenceFolders {
  readonly blobs: string;
  /** Of summaries that were made once. */
  readonly summaries: string;
}

/** What the thread can compute, by the order's kind, and what it answers. */
export type ReportOrder =
  | {
      readonly kind: 'run';
      readonly stored: StoredRun;
      readonly folders: EvidenceFolders;
      readonly format: ReportFormat;
    }
  | {
      readonly kind: 'comparison';
      readonly subject: StoredRun;
      readonly base: StoredRun;
      readonly folders: EvidenceFolders;
    }
  | { readonly kind: 'import'; readonly imported: ImportedSet; readonly format: ReportFormat };

export type ReportAnswer =
  | { readonly text: ReadableStream<Uint8Array> }
  | { readonly comparison: RunComparisons }
  | { readonly failure: Pick<QfleetError, 'code' | 'message' | 'hint'> };

/**
 * A report's text in UTF-8, in pieces as they are read: that of a large fleet has hundreds of megabytes. It is computed in
 * a worker thread, which ends with the stream: thousands of resamplings take a second or more, and the coordinator must
 * answer its agents' heartbeats meanwhile.
 */
export async function renderReport(
  order: Exclude<ReportOrder, { kind: 'comparison' }>,
  memoryBytes = defaultReportMemoryBytes(),
): Promise<Readable> {
  const thread = start(order, memoryBytes);
  const answer = await answerOf(thread);
  if (!('text' in answer)) throw new TypeError('Expected the text of a report.');
  return textOfThread(thread.worker, answer.text, thread.explain);
}

/** A run against an earlier one, in a worker thread too. */
export async function renderComparison(
  order: Omit<Extract<ReportOrder, { kind: 'comparison' }>, 'kind'>,
  memoryBytes = defaultReportMemoryBytes(),
): Promise<RunComparisons> {
  const thread = start({ kind: 'comparison', ...order }, memoryBytes);
  try {
    const answer = await answerOf(thread);
    if ('comparison' in answer) return answer.comparison;
    throw new TypeError('Expected a comparison.');
  } finally {
    await thread.worker.terminate();
  }
}

/** Half of the machine's memory: 100,000 cells take some gigabytes, and the coordinator must go on. */
export function defaultReportMemoryBytes(): number {
  return Math.floor(totalmem() / 2);
}

interface ReportThread {
  readonly worker: Worker;
  /** What the engine says of a thread that ran out of memory, in words that help. */
  explain(thrown: Error): Error;
}

function start(order: ReportOrder, memoryBytes: number): ReportThread {
  const maxOldGenerationSizeMb = Math.ceil(memoryBytes / 2 ** 20);
  const worker = new Worker(new URL('report-worker.ts', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb },
  });
  const explain = (thrown: Error): Error =>
    (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? outOfMemory(order, maxOldGenerationSizeMb, thrown)
      : thrown;
  return { worker, explain };
}

/** What the thread has found; it is ended where that is a failure. */
async function answerOf({
  worker,
  explain,
}: ReportThread): Promise<Exclude<ReportAnswer, { failure: unknown }>> {
  const [answer] = (await once(worker, 'message').catch((thrown) => Promise.reject(explain(thrown)))) as [
    ReportAnswer,
  ];
  if (!('failure' in answer)) return answer;
  await worker.terminate();
  const { code, message, hint } = answer.failure;
  throw new QfleetError(code, message, hint === undefined ? {} : { hint });
}

function outOfMemory(order: ReportOrder, limitMb: number, cause: Error): QfleetError {
  const runs =
    order.kind === 'run' ? [order.stored] : order.kind === 'comparison' ? [order.subject, order.base] : [];
  const what =
    order.kind === 'import'
      ? `${order.imported.results.length} results`
      : runs.map(describeRun).join(', and ');
  return new QfleetError('resource-exhausted', `The report took more than ${limitMb} MB: it is of ${what}.`, {
    hint: 'Raise the limit (./qfleet up --report-memory MB), or make runs of fewer devices, variants or settings.',
    cause,
  });
}

/** A cell is a variant on a device, a backend and a scenario: what a job that times or evaluates is of. */
function describeRun({ run, jobs, devices, results }: StoredRun): string {
  const cells = jobs.reduce(
    (sum, { spec }) => sum + (spec.measure?.variants.length ?? (spec.evaluate ? 1 : 0)),
    0,
  );
  const bytes = results.reduce((sum, result) => sum + result.bytes.length, 0);
  return `${cells} cells (run ${run.name}: ${devices.length} devices, ${jobs.length} jobs, ${results.length} results of ${Math.ceil(bytes / 1e6)} MB)`;
}
