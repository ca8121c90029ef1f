import { buildSections, type ReportText } from './build-sections.ts';
import { escapeHtml } from './escape-html.ts';
import type { Figure, FigureSymbol } from './figure.ts';
import { bandwidthFigure } from './figure-bandwidth.ts';
import { distributionFigure } from './figure-distribution.ts';
import { ladderFigure } from './figure-ladder.ts';
import { latencyFigure } from './figure-latency.ts';
import { layerCheckFigure } from './figure-layer-check.ts';
import { rooflineFigure } from './figure-roofline.ts';
import { sizeFigure } from './figure-size.ts';
import { tradeoffFigure } from './figure-tradeoff.ts';
import { transferFigure } from './figure-transfer.ts';
import { pageStyle } from './page-style.ts';
import type { Report } from './report.ts';
import type { Section, SectionTable } from './section.ts';

/** The report's own JSON goes into the page up to this length, characters, so that the page stays below 2 MB. */
const maxEmbeddedJson = 1_000_000;

/** Nothing is loaded and nothing runs: style is inline, JSON is data, figures are SVG. */
const contentPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * The report as one self-contained HTML page: no script, no network, light and dark, printable. Every figure has
 * a title, a summary in words and its numbers as a table. All text is escaped.
 */
export function formatHtml(report: Report): string {
  const whole = buildSections(report);
  // The figure of the ladder carries the same table.
  const text = { ...whole, sections: whole.sections.filter((section) => section.id !== 'ladder') };
  return renderPage(text, { figures: figuresBySection(report), data: report });
}

/** A page of any report's text, with figures by the section that they stand in, and the data behind it all. */
export function renderPage(
  text: ReportText,
  {
    figures,
    data,
  }: { readonly figures: Readonly<Record<string, readonly Figure[]>>; readonly data: unknown },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(text.title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(text.title)}</h1>
<p class="soft">${escapeHtml(text.subtitle)}</p>
${renderNav(text)}
</header>
${renderList('findings', 'Findings', text.findings)}
${text.sections.map((section) => renderSection(section, figures[section.id] ?? [])).join('\n')}
${renderList('notes', 'Notes', text.notes)}
${renderFootnotes(text)}
</main>
${renderData(data)}
</body>
</html>
`;
}

function figuresBySection(report: Report): Readonly<Record<string, readonly Figure[]>> {
  const present = (...figures: (Figure | undefined)[]): Figure[] =>
    figures.filter((figure) => figure !== undefined);
  return {
    speed: present(latencyFigure(report), distributionFigure(report)),
    correctness: present(tradeoffFigure(report)),
    cost: present(sizeFigure(report)),
    roofline: present(rooflineFigure(report)),
    transfer: present(transferFigure(report)),
    'layer-check': present(layerCheckFigure(report)),
    memory: present(bandwidthFigure(report)),
    caches: present(ladderFigure(report)),
  };
}

function renderNav(text: ReportText): string {
  const links = text.sections.map(
    (section) => `<a href="#${escapeHtml(section.id)}">${escapeHtml(section.title)}</a>`,
  );
  return `<nav aria-label="Sections">${links.join('')}</nav>`;
}

function renderSection(section: Section, figures: readonly Figure[]): string {
  const table = renderTable(section.table, section.title, section.id === 'provenance');
  return `<section id="${escapeHtml(section.id)}" aria-labelledby="${escapeHtml(section.id)}-title">
<h2 id="${escapeHtml(section.id)}-title">${escapeHtml(section.title)}</h2>
<p>${escapeHtml(section.lead)}</p>
${section.isDetail ? `<details><summary>${section.table.rows.length} rows</summary>${table}</details>` : table}
${figures.map(renderFigure).join('\n')}
</section>`;
}

function renderFigure(figure: Figure): string {
  const id = escapeHtml(figure.id);
  return `<figure id="${id}" aria-describedby="${id}-summary">
<figcaption>${escapeHtml(figure.title)}</figcaption>
<p class="soft" id="${id}-summary">${escapeHtml(figure.summary)}</p>
${renderLegend(figure)}
${figure.svg}
<details><summary>Numbers of this figure</summary>${renderTable(figure.table, figure.title, false)}</details>
</figure>`;
}

function renderLegend({ legend }: Figure): string {
  if (legend.length === 0) return '';
  const items = legend.map(
    ({ label, color, symbol }) =>
      `<li><svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true"><path d="${symbolPaths[symbol]}" fill="${color}"/></svg>${escapeHtml(label)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** The marks of the figures, drawn within 12 × 12. */
const symbolPaths: Readonly<Record<FigureSymbol, string>> = {
  circle: 'M5,0A5,5,0,1,1,-5,0A5,5,0,1,1,5,0',
  square: 'M-4.5,-4.5h9v9h-9Z',
  triangle: 'M0,-5.5L5.5,4.5H-5.5Z',
  diamond: 'M0,-6L4,0L0,6L-4,0Z',
  cross: 'M-5.5,-1.8h3.7v-3.7h3.6v3.7h3.7v3.6h-3.7v3.7h-3.6v-3.7h-3.7Z',
  star: 'M0,-6L1.4,-1.9L5.7,-1.9L2.2,0.7L3.5,4.9L0,2.3L-3.5,4.9L-2.2,0.7L-5.7,-1.9L-1.4,-1.9Z',
};

function renderTable(table: SectionTable, label: string, wrap: boolean): string {
  const attribute = (index: number): string => (table.columns[index]?.numeric ? ' class="number"' : '');
  const head = table.columns.map(
    (column, index) => `<th scope="col"${attribute(index)}>${escapeHtml(column.title)}</th>`,
  );
  const rows = table.rows.map((row) => {
    const cells = row.map((cell, index) =>
      index === 0
        ? `<th scope="row">${escapeHtml(cell)}</th>`
        : `<td${attribute(index)}>${escapeHtml(cell)}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<div class="scroll" role="region" aria-label="${escapeHtml(label)}" tabindex="0"><table${wrap ? ' class="wrap"' : ''}>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`;
}

function renderList(id: string, title: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const list = items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n');
  return `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeHtml(title)}</h2>
<ul class="findings">${list}</ul></section>`;
}

function renderFootnotes({ footnotes }: ReportText): string {
  if (footnotes.length === 0) return '';
  const items = footnotes.map(({ code, text }) => `<dt>(${code})</dt><dd>${escapeHtml(text)}</dd>`);
  return `<section id="footnotes" aria-labelledby="footnotes-title"><h2 id="footnotes-title">Footnotes</h2><dl>${items.join('\n')}</dl></section>`;
}

/** A data block, which no browser executes; `<` is escaped so that no text can end it. */
function renderData(data: unknown): string {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  if (json.length > maxEmbeddedJson)
    return '<!-- The numbers are in report.json; they are too many for this page. -->';
  return `<script type="application/json" id="report">${json}</script>`;
}
