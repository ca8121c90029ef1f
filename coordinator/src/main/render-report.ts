import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { ReportFormat } from '../api/services.ts';

export interface ReportOrder {
  readonly evidence: RunEvidence;
  readonly format: ReportFormat;
}

/**
 * The report of a run as text. It is computed in a worker thread: thousands of resamplings take a second or more, and
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
