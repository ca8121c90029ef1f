import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { ReportFormat } from '../api/services.ts';
import type { ImportedSet } from '../imports/imported-set.ts';

/** The report of a run from its evidence, or of what was imported. */
export type ReportOrder = { readonly format: ReportFormat } & (
  | { readonly evidence: RunEvidence }
  | { readonly imported: ImportedSet }
);

/**
 * A report as text. It is computed in a worker thread: thousands of resamplings take a second or more, and
 * the coordinator must answer its agents' heartbeats meanwhile.
 */
export async function renderReport(order: ReportOrder): Promise<string> {
  const worker = new Worker(new URL('report-worker.ts', import.meta.url), { workerData: order });
  try {
    const [text] = (await once(worker, 'message')) as [string];
    return text;
  } finally {
    await worker.terminate();
  }
}
