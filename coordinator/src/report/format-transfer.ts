import type { ReportFormat } from '../api/services.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';
import { ranksFigure } from './figure-ranks.ts';
import { speedUpsFigure } from './figure-speed-ups.ts';
import { renderPage } from './format-html.ts';
import { renderMarkdown } from './format-markdown.ts';
import { renderTerminal } from './format-table.ts';
import { buildTransferText } from './transfer-sections.ts';

/** The report of imported measurements in any format; CSV has every network's speed-up. */
export function formatTransfer(report: TransferReport, format: ReportFormat): string {
  if (format === 'json') return `${JSON.stringify(report, nanAsNull, 2)}\n`;
  if (format === 'csv') return formatSpeedUps(report);
  const text = buildTransferText(report);
  if (format === 'md') return renderMarkdown(text);
  if (format === 'table') return renderTerminal(text);
  const [speeds, ranks] = [speedUpsFigure(report), ranksFigure(report)];
  return renderPage(text, {
    figures: { ...(speeds && { 'speed-ups': [speeds] }), ...(ranks && { ranks: [ranks] }) },
    data: JSON.parse(JSON.stringify(report, nanAsNull)),
  });
}

/** JSON has no NaN: what cannot be said is null. */
function nanAsNull(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}

function formatSpeedUps({ speedUps }: TransferReport): string {
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rows = speedUps.flatMap(({ system, precision, networks }) =>
    networks.map(({ network, speedUp }) =>
      [quote(system), quote(precision), quote(network), speedUp].join(','),
    ),
  );
  return ['system,precision,network,speedup', ...rows, ''].join('\r\n');
}
