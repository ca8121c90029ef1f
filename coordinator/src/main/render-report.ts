import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { RunComparison } from '../analysis/compare-runs.ts';
import type { ReportFormat } from '../api/services.ts';
import type { StoredRun } from '../evidence/stored-run.ts';
import type { ImportedSet } from '../imports/imported-set.ts';

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
  | { readonly computed: unknown }
  | { readonly failure: Pick<QfleetError, 'code' | 'message' | 'hint'> };

export interface RunComparisons {
  readonly rows: readonly RunComparison[];
  readonly unmatched: number;
}

/** A report's text in UTF-8, in pieces: that of a large fleet has hundreds of megabytes. */
export type ReportBytes = readonly Uint8Array<ArrayBuffer>[];

/**
 * A report as text. It is computed in a worker thread: thousands of resamplings take a second or more, and
 * the coordinator must answer its agents' heartbeats meanwhile.
 */
export function renderReport(order: Exclude<ReportOrder, { kind: 'comparison' }>): Promise<ReportBytes> {
  return compute(order) as Promise<ReportBytes>;
}

/** A run against an earlier one, in a worker thread too. */
export function renderComparison(
  order: Omit<Extract<ReportOrder, { kind: 'comparison' }>, 'kind'>,
): Promise<RunComparisons> {
  return compute({ kind: 'comparison', ...order }) as Promise<RunComparisons>;
}

async function compute(order: ReportOrder): Promise<unknown> {
  const worker = new Worker(new URL('report-worker.ts', import.meta.url), {
    workerData: order,
  });
  try {
    const [answer] = (await once(worker, 'message')) as [ReportAnswer];
    if ('computed' in answer) return answer.computed;
    const { code, message, hint } = answer.failure;
    throw new QfleetError(code, message, hint === undefined ? {} : { hint });
  } finally {
    await worker.terminate();
  }
}
