import { buildSections, type ReportText } from './build-sections.ts';
import type { Report } from './report.ts';
import type { SectionTable } from './section.ts';

/** The report as GitHub-flavoured Markdown. Text from devices cannot end a cell, start a tag or a link. */
export function formatMarkdown(report: Report): string {
  return renderMarkdown(buildSections(report));
}

/** Any report's text as Markdown. */
export function renderMarkdown(text: ReportText): string {
  const blocks = [
    `# ${escapeMarkdown(text.title)}`,
    escapeMarkdown(text.subtitle),
    ...list('Findings', text.findings),
    ...text.sections.flatMap((section) => [
      `## ${escapeMarkdown(section.title)}`,
      escapeMarkdown(section.lead),
      renderTable(section.table),
    ]),
    ...list('Notes', text.notes),
    ...list(
      'Footnotes',
      text.footnotes.map(({ code, text: reason }) => `(${code}) ${reason}`),
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function renderTable(table: SectionTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const rule = `|${table.columns.map((column) => (column.numeric ? ' ---: |' : ' --- |')).join('')}`;
  return [line(table.columns.map((column) => column.title)), rule, ...table.rows.map(line)].join('\n');
}

function list(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  return [`## ${title}`, items.map((item) => `- ${escapeMarkdown(item)}`).join('\n')];
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_[\]<>|&#~]/g, (mark) =>
    mark === '<' ? '&lt;' : mark === '&' ? '&amp;' : `\\${mark}`,
  );
}
