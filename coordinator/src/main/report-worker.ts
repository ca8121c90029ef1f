// The thread of render-report.ts: computes one report and posts it.
import { ReadableStream } from 'node:stream/web';
import { parentPort, workerData } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { compareRuns, type RunComparisons } from '../analysis/compare-runs.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { ReportFormat } from '../api/services.ts';
import { readBlob } from '../blobs/read-blob.ts';
import { analysisVersion } from '../evidence/analysis-version.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { StoredRun } from '../evidence/stored-run.ts';
import { openSummaryCache } from '../evidence/summary-cache.ts';
import { buildReport } from '../report/build-report.ts';
import type { Report } from '../report/report.ts';
import type { ReportAnswer, ReportOrder } from './render-report.ts';

/** A format is imported when it is asked for: the page's figures bring large libraries. */
const formatters: Record<ReportFormat, () => Promise<(report: Report) => string | Iterable<string>>> = {
  json: async () => (await import('../report/format-json.ts')).jsonParts,
  table: async () => (await import('../report/format-table.ts')).formatTable,
  md: async () => (await import('../report/format-markdown.ts')).formatMarkdown,
  csv: async () => (await import('../report/format-csv.ts')).formatCsv,
  html: async () => (await import('../report/format-html.ts')).formatHtml,
};

/** The text of a report; of a comparison the comparison itself. */
async function compute(order: ReportOrder): Promise<string | Iterable<string> | RunComparisons> {
  if (order.kind === 'import') {
    const { formatTransfer } = await import('../report/format-transfer.ts');
    const { buildTransferReport } = await import('../transfer/transfer-report.ts');
    return formatTransfer(buildTransferReport(order.imported), order.format);
  }
  const { blobs, summaries } = order.folders;
  const cache = await openSummaryCache(summaries, await analysisVersion());
  const read = (stored: StoredRun): Promise<RunEvidence> =>
    readEvidence(stored, { read: (digest) => readBlob(blobs, digest) }, cache);
  if (order.kind === 'comparison') return compareRuns(await read(order.subject), await read(order.base));
  return (await formatters[order.format]())(buildReport(await read(order.stored)));
}

const chunkBytes = 1 << 22;

/** UTF-8 in pieces of about that size. */
function* encode(text: string | Iterable<string>): Generator<Uint8Array> {
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let used = 0;
  for (const part of typeof text === 'string' ? [text] : text) {
    // No character takes more than three bytes for each of its units.
    const most = 3 * part.length;
    if (used + most > chunk.length) {
      if (used > 0) yield chunk.subarray(0, used);
      chunk = Buffer.allocUnsafeSlow(Math.max(most, chunkBytes));
      used = 0;
    }
    used += chunk.write(part, used);
  }
  if (used > 0) yield chunk.subarray(0, used);
}

/** Thrown errors would lose their code on the way to the other thread. */
async function answer(order: ReportOrder): Promise<ReportAnswer> {
  try {
    const computed = await compute(order);
    if (order.kind === 'comparison') return { comparison: computed as RunComparisons };
    // Pieces are made as they are asked for.
    return { text: ReadableStream.from(encode(computed as string | Iterable<string>)) };
  } catch (thrown) {
    const { code, message, hint } = QfleetError.from(thrown);
    return { failure: { code, message, hint } };
  }
}

const found = await answer(workerData as ReportOrder);
// Listening keeps the thread alive until the other one has read the text and ends it.
parentPort?.on('message', () => undefined);
parentPort?.postMessage(found, 'text' in found ? [found.text] : []);
