import { readFile } from 'node:fs/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { refused } from '../refused.ts';

/** Labels by file, as a CSV file gives them. */
export interface LabelTable {
  /** Label of a file in a dataset, by its path or an ending of it; throws `refused` where the file has none, or shares its row. */
  labelOf(path: string): number | string;
  /** Rows that no file used. */
  unusedRows(): number;
}

const maxCsvBytes = 512 * 2 ** 20;

/**
 * Reads `file,label` rows (RFC 4180 quotes, a header if there is one is skipped). Labels are class numbers
 * where all of them are integers, else class names. Throws `refused`.
 */
export async function readLabelTable(path: string): Promise<LabelTable> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw QfleetError.from(error);
  });
  if (bytes.length > maxCsvBytes)
    throw refused(`${path} has ${bytes.length} bytes, at most ${maxCsvBytes}.`, 'Is that the labels file?');
  return createLabelTable(parseRows(bytes.toString('utf8').replace(/^\uFEFF/, '')));
}

/** The table of `[file, label]` rows; throws `refused` where a file stands twice or a label is missing or no integer. */
export function createLabelTable(rows: readonly (readonly [string, string])[]): LabelTable {
  const isNumeric = rows.every(([, label]) => Number.isFinite(Number(label)));
  const labels = new Map<string, number | string>();
  for (const [file, label] of rows) {
    const key = file.replace(/^\.\//, '');
    if (labels.has(key)) throw refused(`The labels file names ${key} twice.`, 'Keep one row for each image.');
    labels.set(key, isNumeric ? Number(label) : label);
  }
  const usedBy = new Map<string, string>();
  return {
    labelOf: (path) => {
      const key = endings(path).find((ending) => labels.has(ending));
      if (key === undefined)
        throw refused(
          `The labels file has no row for ${path}.`,
          'Add the row `file,label`, or remove the image.',
        );
      const other = usedBy.get(key);
      if (other !== undefined && other !== path) {
        throw refused(
          `Row ${key} of the labels file fits both ${other} and ${path}.`,
          'Write longer paths in the labels file.',
        );
      }
      usedBy.set(key, path);
      return labels.get(key)!;
    },
    unusedRows: () => labels.size - usedBy.size,
  };
}

/** `a/b/c.png` → itself, `b/c.png`, `c.png`. */
function endings(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(i).join('/'));
}

function parseRows(text: string): [string, string][] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const rows = lines.map(parseRow);
  const [file = '', label = ''] = rows[0] ?? [];
  const isHeader = /^(file|filename|image|path|name)$/i.test(file) && /^(label|class|category)$/i.test(label);
  return isHeader ? rows.slice(1) : rows;
}

function parseRow(line: string, index: number): [string, string] {
  const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain ?? '').trim(),
  );
  const [file, label] = fields;
  if (fields.length === 2 && file && label) return [file, label];
  throw refused(
    `Line ${index + 1} of the labels file is no \`file,label\`: ${line.slice(0, 80)}`,
    'Write one file and one label on each line.',
  );
}
