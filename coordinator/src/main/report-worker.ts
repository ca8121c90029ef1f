// The thread of render-report.ts: computes one report, posts it and ends.
import { parentPort, workerData } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { compareRuns } from '../analysis/compare-runs.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { ReportFormat } from '../api/services.ts';
import { readBlob } from '../blobs/read-blob.ts';
import { analysisVersion } from '../evidence/analysis-version.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { StoredRun } from '../evidence/stored-run.ts';
import { openSummaryCache } from '../evidence/summary-cache.ts';
import { buildReport } from '../report/build-report.ts';
import type { Report } from '../report/report.ts';
import type { ReportAnswer, ReportBytes, ReportOrder } from './render-report.ts';

/** A format is imported when it is asked for: the page's figures bring large libraries. */
const formatters: Record<ReportFormat, () => Promise<(report: Report) => string | Iterable<string>>> = {
  json: async () => (await import('../report/format-json.ts')).jsonParts,
  table: async () => (await import('../report/format-table.ts')).formatTable,
  md: async () => (await import('../report/format-markdown.ts')).formatMarkdown,
  csv: async () => (await import('../report/format-csv.ts')).formatCsv,
  html: async () => (await import('../report/format-html.ts')).formatHtml,
};

async function compute(order: ReportOrder): Promise<unknown> {
  if (order.kind === 'import') {
    const { formatTransfer } = await import('../report/format-transfer.ts');
    const { buildTransferReport } = await import('../transfer/transfer-report.ts');
    return encode(formatTransfer(buildTransferReport(order.imported), order.format));
  }
  const { blobs, summaries } = order.folders;
  const cache = await openSummaryCache(summaries, await analysisVersion());
  const read = (stored: StoredRun): Promise<RunEvidence> =>
    readEvidence(stored, { read: (digest) => readBlob(blobs, digest) }, cache);
  if (order.kind === 'comparison') return compareRuns(await read(order.subject), await read(order.base));
  return encode((await formatters[order.format]())(buildReport(await read(order.stored))));
}

const chunkBytes = 1 << 22;

/** UTF-8 in pieces that change threads without being copied. */
function encode(text: string | Iterable<string>): ReportBytes {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let used = 0;
  const startChunk = (bytes: number): void => {
    if (used > 0) chunks.push(new Uint8Array(chunk.buffer, 0, used));
    chunk = Buffer.allocUnsafeSlow(Math.max(bytes, chunkBytes));
    used = 0;
  };
  for (const part of typeof text === 'string' ? [text] : text) {
    // No character takes more than three bytes for each of its units.
    if (used + 3 * part.length > chunk.length) startChunk(3 * part.length);
    used += chunk.write(part, used);
  }
  startChunk(0);
  return chunks;
}

/** Thrown errors would lose their code on the way to the other thread. */
async function answer(order: ReportOrder): Promise<ReportAnswer> {
  try {
    return { computed: await compute(order) };
  } catch (thrown) {
    const { code, message, hint } = QfleetError.from(thrown);
    return { failure: { code, message, hint } };
  }
}

const found = await answer(workerData as ReportOrder);
const isBytes = 'computed' in found && Array.isArray(found.computed);
parentPort?.postMessage(found, isBytes ? (found.computed as ReportBytes).map(({ buffer }) => buffer) : []);
