import type { Check } from './judge-gate.ts';

/** The checks as JUnit XML: a suite for each rule, a case for each thing that it was applied to. */
export function formatJunit(checks: readonly Check[], name: string): string {
  const suites = [...Map.groupBy(checks, ({ rule }) => rule)].map(([rule, group]) => {
    const cases = group.map(({ subject, outcome, detail }) => {
      const inner =
        outcome === 'failed'
          ? `<failure message="${escapeXml(detail)}"/>`
          : outcome === 'skipped'
            ? `<skipped message="${escapeXml(detail)}"/>`
            : `<system-out>${escapeXml(detail)}</system-out>`;
      return `    <testcase classname="${escapeXml(rule)}" name="${escapeXml(subject)}">${inner}</testcase>`;
    });
    return [`  <testsuite name="${escapeXml(rule)}" ${countsOf(group)}>`, ...cases, '  </testsuite>'].join(
      '\n',
    );
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escapeXml(name)}" ${countsOf(checks)}>\n${suites.join('\n')}\n</testsuites>\n`;
}

function countsOf(checks: readonly Check[]): string {
  const count = (outcome: string): number => checks.filter((check) => check.outcome === outcome).length;
  return `tests="${checks.length}" failures="${count('failed')}" skipped="${count('skipped')}"`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '');
}

/** The checks as Markdown for a pull request: what failed first. */
export function formatSummary(checks: readonly Check[], name: string): string {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const skipped = checks.filter(({ outcome }) => outcome === 'skipped');
  const rows = (some: readonly Check[]): string[] => [
    '| rule | of | found |',
    '| --- | --- | --- |',
    ...some.map(({ rule, subject, detail }) => `| ${[rule, subject, detail].map(cell).join(' | ')} |`),
  ];
  const passed = checks.length - failed.length - skipped.length;
  return [
    `## qfleet gate: ${cell(name)} ${failed.length > 0 ? 'failed' : 'passed'}`,
    `${passed} checks passed, ${failed.length} failed, ${skipped.length} could not be made.`,
    ...(failed.length > 0 ? ['### Failed', rows(failed).join('\n')] : []),
    ...(skipped.length > 0 ? ['### Not made', rows(skipped).join('\n')] : []),
    '',
  ].join('\n\n');
}

function cell(text: string): string {
  return text.replace(/[|\\`*_<>[\]]/g, (mark) => `\\${mark}`).replace(/\s+/g, ' ');
}
