import type { Cell } from '../analysis/cell.ts';
import type { Column } from './table-of-readings.ts';

/** The columns that say which cell a row is of. */
export function placeColumns(cells: readonly Cell[]): Column<Cell>[] {
  const scenarios = new Set(cells.map((cell) => cell.scenario));
  const many = new Set(cells.map((cell) => cell.settingsDigest)).size > 1;
  return [
    { title: 'device', text: (cell) => cell.deviceName },
    { title: 'backend', text: (cell) => cell.backend.id },
    { title: 'variant', text: (cell) => cell.variant.name },
    ...(scenarios.size > 1 ? [{ title: 'scenario', text: (cell: Cell) => cell.scenario }] : []),
    ...(many ? [{ title: 'settings', text: settingsText }] : []),
  ];
}

/** Settings in a few words, defaults left out. */
function settingsText({ settings }: Cell): string {
  const parts = [
    settings.threads > 0 ? `${settings.threads} threads` : 'all threads',
    settings.batch !== 1 ? `batch ${settings.batch}` : '',
    settings.affinity.length > 0 ? `on ${settings.affinity.join(',')}` : '',
    ...Object.entries(settings.providerOptions).map(([key, value]) => `${key}=${value}`),
    ...Object.entries(settings.dimensions).map(([key, value]) => `${key}=${value}`),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** A verdict word, with its reasons as a footnote. */
export function verdictText(
  verdict: { readonly verdict: string; readonly reasons: readonly { readonly detail: string }[] },
  code: (text: string) => string,
): string {
  if (verdict.reasons.length === 0) return verdict.verdict;
  return `${verdict.verdict} (${code(verdict.reasons.map((reason) => reason.detail).join('; '))})`;
}
