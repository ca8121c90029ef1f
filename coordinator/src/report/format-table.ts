import Table from 'cli-table3';
import { buildSections, type ReportText } from './build-sections.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';

/** The report for a terminal: plain text without escape sequences, tables at most a little over 120 columns wide. */
export function formatTable(report: Report): string {
  return renderTerminal(buildSections(report, { details: false }));
}

/** Any report's text for a terminal. */
export function renderTerminal(text: ReportText): string {
  const blocks = [
    `${text.title}\n${text.subtitle}`,
    ...(text.findings.length > 0 ? [list('Findings', text.findings)] : []),
    ...text.sections.filter((section) => !section.isDetail).map(renderSection),
    ...(text.notes.length > 0 ? [list('Notes', text.notes)] : []),
    ...(text.footnotes.length > 0
      ? [
          list(
            'Footnotes',
            text.footnotes.map(({ code, text: reason }) => `(${code}) ${reason}`),
          ),
        ]
      : []),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function renderSection({ title, lead, table }: Section): string {
  const view = new Table({
    head: table.columns.map((column) => column.title),
    colAligns: table.columns.map((column) => (column.numeric ? 'right' : 'left')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: borderless,
  });
  view.push(...withoutRepeats(table.rows));
  const lines = view.toString().split('\n');
  return [title, lead, '', ...lines.map((line) => line.trimEnd())].join('\n');
}

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '─',
  'mid-mid': '──',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Leading cells that repeat those of the row above are left blank, so that groups stand out. */
function withoutRepeats(rows: Section['table']['rows']): string[][] {
  return rows.map((row, index) => {
    const above = rows[index - 1];
    let same = 0;
    while (above && same < 2 && same < row.length && above[same] === row[same]) same++;
    return row.map((cell, column) => (column < same ? '' : cell));
  });
}

function list(title: string, items: readonly string[]): string {
  return [title, ...items.map((item) => `  ${item}`)].join('\n');
}
