import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Worker } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { RunComparison } from '../analysis/compare-runs.ts';
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

export interface RunComparisons {
  readonly rows: readonly RunComparison[];
  readonly unmatched: number;
}

/**
 * A report's text in UTF-8, in pieces as they are read: that of a large fleet has hundreds of megabytes. It is computed in
 * a worker thread, which ends with the stream: thousands of resamplings take a second or more, and the coordinator must
 * answer its agents' heartbeats meanwhile.
 */
export async function renderReport(order: Exclude<ReportOrder, { kind: 'comparison' }>): Promise<Readable> {
  const worker = start(order);
  const answer = await answerOf(worker);
  if (!('text' in answer)) throw new TypeError('Expected the text of a report.');
  return textOfThread(worker, answer.text);
}

/** A run against an earlier one, in a worker thread too. */
export async function renderComparison(
  order: Omit<Extract<ReportOrder, { kind: 'comparison' }>, 'kind'>,
): Promise<RunComparisons> {
  const worker = start({ kind: 'comparison', ...order });
  try {
    const answer = await answerOf(worker);
    if ('comparison' in answer) return answer.comparison;
    throw new TypeError('Expected a comparison.');
  } finally {
    await worker.terminate();
  }
}

function start(order: ReportOrder): Worker {
  return new Worker(new URL('report-worker.ts', import.meta.url), { workerData: order });
}

/** What the thread has found; it is ended where that is a failure. */
async function answerOf(worker: Worker): Promise<Exclude<ReportAnswer, { failure: unknown }>> {
  const [answer] = (await once(worker, 'message')) as [ReportAnswer];
  if (!('failure' in answer)) return answer;
  await worker.terminate();
  const { code, message, hint } = answer.failure;
  throw new QfleetError(code, message, hint === undefined ? {} : { hint });
}
