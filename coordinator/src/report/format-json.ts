import type { Report } from './report.ts';

/** `report.json`: indented, a newline at the end; equal reports give equal bytes. */
export function formatJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
