import type { Report } from './report.ts';

/** `report.json`: indented by one space, a newline at the end; equal reports give equal bytes. */
export function formatJson(report: Report): string {
  return [...jsonParts(report)].join('');
}

/**
 * The same piece by piece, an item of a list at a time: a report over ten thousand cells is no string that one would hold
 * whole.
 */
export function* jsonParts(report: Report): Generator<string> {
  let before = '{\n ';
  for (const [key, value] of Object.entries(report)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}: `;
    if (Array.isArray(value) && value.length > 0) yield* listParts(value);
    else yield indentedAt(1, value);
    before = ',\n ';
  }
  yield '\n}\n';
}

function* listParts(list: readonly unknown[]): Generator<string> {
  let before = '[\n  ';
  for (const item of list) {
    yield `${before}${indentedAt(2, item)}`;
    before = ',\n  ';
  }
  yield '\n ]';
}

/** As `JSON.stringify` has it so deep inside: the lists around it are cut off again. */
function indentedAt(depth: 1 | 2, value: unknown): string {
  return depth === 1
    ? JSON.stringify([value], undefined, 1).slice('[\n '.length, -'\n]'.length)
    : JSON.stringify([[value]], undefined, 1).slice('[\n [\n  '.length, -'\n ]\n]'.length);
}
