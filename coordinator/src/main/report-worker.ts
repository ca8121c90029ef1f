// The thread of render-report.ts: computes one report, posts its text and ends.
import { parentPort, workerData } from 'node:worker_threads';
import type { ReportFormat } from '../api/services.ts';
import { buildReport } from '../report/build-report.ts';
import type { Report } from '../report/report.ts';
import type { ReportOrder } from './render-report.ts';

/** A format is imported when it is asked for: the page's figures bring large libraries. */
const formatters: Record<ReportFormat, () => Promise<(report: Report) => string>> = {
  json: async () => (await import('../report/format-json.ts')).formatJson,
  table: async () => (await import('../report/format-table.ts')).formatTable,
  md: async () => (await import('../report/format-markdown.ts')).formatMarkdown,
  csv: async () => (await import('../report/format-csv.ts')).formatCsv,
  html: async () => (await import('../report/format-html.ts')).formatHtml,
};

async function render(order: ReportOrder): Promise<string> {
  if ('evidence' in order) return (await formatters[order.format]())(buildReport(order.evidence));
  const { formatTransfer } = await import('../report/format-transfer.ts');
  const { buildTransferReport } = await import('../transfer/transfer-report.ts');
  return formatTransfer(buildTransferReport(order.imported), order.format);
}

parentPort?.postMessage(await render(workerData as ReportOrder));
